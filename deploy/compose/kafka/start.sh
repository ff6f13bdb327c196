#!/bin/sh
# Formats the storage with the administrator's SCRAM credential on the first start, then becomes the broker.
set -eu
sed "s|@ADMIN_PASSWORD@|$KAFKA_ADMIN_PASSWORD|" /config/server.properties >/tmp/server.properties
/opt/kafka/bin/kafka-storage.sh format --ignore-formatted --cluster-id "$KAFKA_CLUSTER_ID" \
    --config /tmp/server.properties --add-scram "SCRAM-SHA-512=[name=admin,password=$KAFKA_ADMIN_PASSWORD]"
exec /opt/kafka/bin/kafka-server-start.sh /tmp/server.properties
