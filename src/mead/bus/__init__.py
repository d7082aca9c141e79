# SPDX-License-Identifier: Apache-2.0
"""The bus: events, bodies and work between the processes of MEAD, durable on NATS JetStream.

`server` starts the child nats-server, `client` connects to it; `publisher` and `events` carry events,
`bodies` carries captured bodies, `queue` and `reaper` carry work. Why JetStream: docs/adr/0002.
"""
