"""The gRPC scaffold that every service serves with."""
