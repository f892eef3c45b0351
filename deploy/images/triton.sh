#!/bin/sh
# triton.sh: Triton's server and its python backend into /opt/tritonserver, as its own image has them, and what models of
# that backend need into /opt/celstream. Of the wheel stays what this Python runs: not its interface, not other Pythons'.
set -eu
uv pip install --quiet --no-deps --only-binary :all: --require-hashes --requirements triton.requirements
python=$(/opt/celstream/bin/python -c 'import sys; print("%d.%d" % sys.version_info[:2])')
packages=/opt/celstream/lib/python$python/site-packages
wheel=$packages/pytriton/tritonserver
home=/opt/tritonserver
mkdir -p $home/bin $home/backends $home/lib
mv "$wheel/bin/tritonserver" $home/bin/
mv "$wheel/backends/python" $home/backends/
mv "$wheel/python_backend_stubs/$python/triton_python_backend_stub" $home/backends/python/
mv "$packages"/nvidia_pytriton.libs/* $home/lib/
chmod 755 $home/bin/tritonserver $home/backends/python/triton_python_backend_stub
rm -rf "$packages"/pytriton "$packages"/nvidia_pytriton.libs $home/lib/libpython* $home/backends/python/__pycache__ \
    "$packages"/onnxruntime/transformers "$packages"/onnxruntime/quantization "$packages"/onnxruntime/tools
find "$packages" -type d -name tests -prune -exec rm -rf {} +
rm -f /opt/celstream/.lock # which anybody may write
library=libpython$python.so.1.0
if ! ldconfig -p | grep -q "$library"; then
    apt-get update -qq && apt-get install -qq --no-install-recommends "libpython$python" > /dev/null
    ldconfig
fi
cp --dereference "$(ldconfig -p | sed -n "s|.*$library .* => ||p" | head -1)" "$home/lib/$library"
/opt/celstream/bin/python sbom.py triton
