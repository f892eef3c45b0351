"""Generated from protos/celstream/v1 by `make protos`; do not edit."""
