# The app in a container. docs/deploy.md says how to build and run it.
ARG PYTHON=3.12

FROM python:${PYTHON}-slim AS build
# Where torch comes from: its index, and the build in it, which is cpu or one for a GPU, such as cu130
ARG TORCH_INDEX=https://download.pytorch.org/whl
ARG TORCH_BUILD=cpu
RUN pip install --no-cache-dir uv==0.13.9 && uv venv /opt/attention-explorer
ENV VIRTUAL_ENV=/opt/attention-explorer
WORKDIR /source
COPY requirements.txt constraints.txt ./
RUN uv pip install --no-cache --no-deps --constraint constraints.txt --default-index "${TORCH_INDEX}/${TORCH_BUILD}" torch \
    && uv pip install --no-cache --constraint constraints.txt --requirement requirements.txt
COPY . .
RUN uv pip install --no-cache --no-deps .

FROM python:${PYTHON}-slim
RUN install --directory --owner=1000 --group=1000 /runs /home/app
COPY --from=build /opt/attention-explorer /opt/attention-explorer
ENV PATH=/opt/attention-explorer/bin:${PATH} \
    HOME=/home/app \
    ATTENTION_EXPLORER_RUNS=/runs \
    STREAMLIT_SERVER_ADDRESS=0.0.0.0 \
    STREAMLIT_SERVER_PORT=8501 \
    STREAMLIT_SERVER_HEADLESS=true
USER 1000:1000
WORKDIR /home/app
VOLUME /runs
EXPOSE 8501
HEALTHCHECK --start-period=60s --timeout=5s CMD ["python", "-c", \
    "import os, urllib.request as web; web.urlopen('http://localhost:' + os.environ['STREAMLIT_SERVER_PORT'] + '/_stcore/health')"]
CMD ["attention-explorer"]
