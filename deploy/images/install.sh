#!/bin/sh
# install.sh SERVICE REQUIREMENT...: what a service needs, in the locked versions, into /opt/celstream; without the
# libraries' own tests; with a list of what is there.
set -eu
service=$1
shift
uv pip install --quiet --constraints requirements.lock "$@"
rm -f /opt/celstream/.lock # which anybody may write
find /opt/celstream/lib -type d \( -name tests -o -name SelfTest \) -prune -exec rm -rf {} +
/opt/celstream/bin/python sbom.py "$service"
