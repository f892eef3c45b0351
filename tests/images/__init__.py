"""The images, built for real, and run as the chart would run them."""
