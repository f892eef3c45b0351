"""What a service says about its methods: who may call them, and how long a call may take."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import grpc
from google.protobuf.descriptor import ServiceDescriptor


class Role(StrEnum):
    """What a caller is trusted with."""

    VIEWER = "viewer"  # reads
    ANNOTATOR = "annotator"  # reviews
    ADMIN = "admin"  # intake, releases, takedowns
    SERVICE = "service"  # another service of the same installation


READERS = frozenset({Role.VIEWER, Role.ANNOTATOR, Role.ADMIN, Role.SERVICE})
REVIEWERS = frozenset({Role.ANNOTATOR, Role.ADMIN})
WRITERS = frozenset({Role.ADMIN, Role.SERVICE})
ADMINS = frozenset({Role.ADMIN})


@dataclass(frozen=True, slots=True)
class Policy:
    """Who may call a method, and for how long.

    default_seconds: for a caller that sets no deadline. max_seconds: whatever the caller sets; past it the call ends.
    """

    roles: frozenset[Role]
    default_seconds: float = 60.0
    max_seconds: float = 600.0


@dataclass(frozen=True, slots=True)
class Service:
    """One gRPC service: its descriptor, how it is added to a server, a policy for every method of it."""

    descriptor: ServiceDescriptor
    add: Callable[[grpc.Server], None]
    policies: Mapping[str, Policy]

    def by_path(self) -> dict[str, Policy]:
        """Policies by `/package.Service/Method`. Raises ValueError where a method has none, or one has no method."""
        methods = {method.name for method in self.descriptor.methods}
        if methods != set(self.policies):
            raise ValueError(
                f"{self.descriptor.full_name}: policies of {sorted(self.policies)}, methods {sorted(methods)}"
            )
        return {f"/{self.descriptor.full_name}/{name}": policy for name, policy in self.policies.items()}
