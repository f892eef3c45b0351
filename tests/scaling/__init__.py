"""The chart's rules of scaling, replayed: days of footage against the autoscalers' documented algorithms."""
