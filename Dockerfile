# The operator's image. BASE needs python3 (3.11 or later), its venv module and CA certificates: python:3.12-slim, or a
# Debian with python3, python3-venv and ca-certificates.
#
# Where packages come from is the builder's business: the usual proxy variables and the ARGs below pass through, and
# so does a mounted /etc/pip.conf (buildah bud --volume /etc/pip.conf:/etc/pip.conf:ro). Nothing of it stays.
ARG BASE=python:3.12-slim

FROM ${BASE} AS build
ARG PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_TRUSTED_HOST
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
COPY requirements.lock requirements-build.lock ./
# Two environments: pip and hatchling stay in the first, so that nothing that can install is in the image.
RUN python3 -m venv /build \
 && /build/bin/pip install --require-hashes --only-binary :all: -r requirements-build.lock \
 && python3 -m venv --without-pip /opt/serinus \
 && /build/bin/pip --python /opt/serinus/bin/python install --require-hashes --only-binary :all: -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY operator operator
RUN /build/bin/pip wheel --no-deps --no-build-isolation --no-index --wheel-dir /wheels . \
 && /build/bin/pip --python /opt/serinus/bin/python install --no-deps --no-index /wheels/serinus-*.whl \
 && /opt/serinus/bin/serinus --help >/dev/null

FROM ${BASE}
COPY --from=build /opt/serinus /opt/serinus
# Modules were compiled above; the root file system is read-only where this runs. The user has no entry in /etc/passwd,
# and the Kubernetes client asks for a home at import.
ENV PATH=/opt/serinus/bin:$PATH HOME=/ PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["serinus"]
CMD ["run"]
# Last, so that a new revision of the same content is only a new label.
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="serinus" \
      org.opencontainers.image.description="Rolls out machine-learning models on Kubernetes progressively, proves them with statistics, and takes them back." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
