# A model repository as an image, from which the chart fills Triton's volume (`triton.models.image`):
#
#     docker build --file deploy/images/models.Dockerfile --tag registry.example.org/models:2026-11 MODEL_REPOSITORY
#
# MODEL_REPOSITORY: a folder of Triton's layout, `<model>/config.pbtxt` and `<model>/1/model.onnx`, made for GPUs or CPUs
# by what deploy/triton/README.md names. BASE is anything with a shell and `cp`, as the job that copies has no other tool.
# Other models are another tag: Triton starts anew for it, and not before they are copied.
ARG BASE=python:3.11-slim
FROM ${BASE}
LABEL org.opencontainers.image.title="Celstream models" \
      org.opencontainers.image.description="A model repository, copied to where Triton reads it"
COPY . /models
USER 10001:10001
