# tap-analytics, target-dlt and analytics-load, with the versions that are tested.
FROM python:3.13-slim AS build
# The version, where no tag says it: docker build --build-arg VERSION=1.2.3
ARG VERSION=0.1.0.dev0
ENV PIP_CONSTRAINT=/src/constraints.txt \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    SETUPTOOLS_SCM_PRETEND_VERSION=${VERSION}
WORKDIR /src
COPY constraints.txt LICENSE pyproject.toml README.md ./
COPY tap_analytics tap_analytics
RUN python -m venv /opt/analytics \
    && /opt/analytics/bin/pip install '.[dlt]' 'dlt[postgres]' adbc-driver-postgresql

FROM python:3.13-slim
COPY --from=build /opt/analytics /opt/analytics
RUN useradd --create-home --uid 10001 analytics \
    && install --directory --owner=analytics /data
ENV PATH=/opt/analytics/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1
USER 10001
WORKDIR /data
CMD ["analytics-load", "--help"]
