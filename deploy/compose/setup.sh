# Run by the service `setup` at every start: makes the keys once, a token for the clients anew, and a sample object where
# the folder of objects is empty.
set -eu

if ! [ -e /issuer/relay.private.jwk ]; then heddle keygen --out /issuer/relay; fi
cp /issuer/relay.public.jwks /access/relay.public.jwks
heddle token --key /issuer/relay.private.jwk --for 720h --subject compose --out /access/heddle.token
chmod 644 /access/relay.public.jwks /access/heddle.token

if [ -z "$(ls -A /srv/heddle/objects)" ]; then
  echo "making sample.bin, $SAMPLE_BYTES bytes"
  head -c "$SAMPLE_BYTES" /dev/urandom >/srv/heddle/objects/.sample.part
  mv /srv/heddle/objects/.sample.part /srv/heddle/objects/sample.bin
fi
