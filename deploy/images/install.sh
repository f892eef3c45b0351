#!/bin/sh
# install.sh SERVICE REQUIREMENT...: what a service needs, in the locked versions, into /opt/celstream; without the
# libraries' own tests, without what only a debugger reads, and with one FFmpeg; with a list of what is there.
set -eu
service=$1
shift
uv pip install --quiet --constraints requirements.lock "$@"
rm -f /opt/celstream/.lock # which anybody may write
find /opt/celstream/lib -type d \( -name tests -o -name SelfTest \) -prune -exec rm -rf {} +
# Of the libraries only those that were shipped with it: strip breaks some whose names were rewritten, like OpenBLAS.
find /opt/celstream/lib -type f -name '*.so*' | while read -r library; do
    if readelf --section-headers --wide "$library" | grep -q ' \.debug_info '; then
        strip --strip-debug "$library"
    fi
done
/opt/celstream/bin/python one_ffmpeg.py
/opt/celstream/bin/python sbom.py "$service"
