# PyTorch's CPU build; for CUDA: docker build --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu128 .
FROM python:3.12-slim-bookworm

ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu

RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgl1 libglib2.0-0 \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /opt/ffhq-wrinkle
COPY . .
RUN pip install --no-cache-dir torch torchvision --index-url "$TORCH_INDEX"
RUN pip install --no-cache-dir .

RUN useradd --create-home researcher
USER researcher
WORKDIR /work
ENTRYPOINT ["ffhq-wrinkle"]
