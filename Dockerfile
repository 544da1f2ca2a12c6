# One image for every role: docker run everfresh start reactor --log kafka://...

# Everything from hash-locked lists; what builds the wheel stays behind in this stage.
FROM python:3.11-slim AS build
WORKDIR /src
COPY requirements requirements
RUN python -m venv /build \
 && /build/bin/pip install --no-cache-dir --require-hashes -r requirements/uv.txt \
 && /build/bin/uv pip install --no-cache --python /build --require-hashes -r requirements/dev.txt
RUN python -m venv --without-pip /opt/everfresh \
 && /build/bin/uv pip install --no-cache --python /opt/everfresh --require-hashes -r requirements/runtime.txt
COPY . .
RUN /build/bin/python -m build --wheel --no-isolation --outdir /wheel \
 && /build/bin/uv pip install --no-cache --python /opt/everfresh --no-deps --no-index /wheel/*.whl

FROM python:3.11-slim
COPY --from=build /opt/everfresh /opt/everfresh
RUN useradd --create-home --uid 10001 everfresh \
 && install --directory --owner everfresh /srv/everfresh
ENV PATH=/opt/everfresh/bin:$PATH PYTHONUNBUFFERED=1
USER everfresh
WORKDIR /srv/everfresh
ENTRYPOINT ["everfresh"]
CMD ["--help"]
