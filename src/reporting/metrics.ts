/** Counters of this process for Prometheus, all named `itinera_*`. Rooms import what they count; `/metrics` shows it. */
import client from 'prom-client';

export const registry = new client.Registry();
client.collectDefaultMetrics({ register: registry, prefix: 'itinera_process_' });

export const httpRequests = new client.Histogram({
  name: 'itinera_http_request_seconds',
  help: 'Time to answer a request, by route and status',
  labelNames: ['method', 'route', 'status'],
  buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
  registers: [registry],
});

export const ticks = new client.Histogram({
  name: 'itinera_engine_tick_seconds',
  help: 'Time of one batch of the engine, claim to commit',
  buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
  registers: [registry],
});

export const steps = new client.Counter({
  name: 'itinera_engine_steps_total',
  help: 'Steps that entries have passed',
  registers: [registry],
});

export const entries = new client.Counter({
  name: 'itinera_engine_entries_total',
  help: 'Entries by what became of them in a batch: entered, completed, exited, errored, parked',
  labelNames: ['outcome'],
  registers: [registry],
});

export const attempts = new client.Counter({
  name: 'itinera_delivery_attempts_total',
  help: 'Requests made, by outcome: delivered, retry, failed, deferred',
  labelNames: ['outcome'],
  registers: [registry],
});

export const attemptSeconds = new client.Histogram({
  name: 'itinera_delivery_attempt_seconds',
  help: 'Time of one request to a host, to the last byte of its answer',
  buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 90],
  registers: [registry],
});

export const ingested = new client.Counter({
  name: 'itinera_ingest_objects_total',
  help: 'Objects taken in, by kind: attributes, event, purchase',
  labelNames: ['kind'],
  registers: [registry],
});

export const heartbeatAge = new client.Gauge({
  name: 'itinera_loop_age_seconds',
  help: 'Time since a loop last went round',
  labelNames: ['loop'],
  registers: [registry],
});

export const backlog = new client.Gauge({
  name: 'itinera_backlog_age_seconds',
  help: 'How late the oldest due entry, and the oldest host with due deliveries, is',
  labelNames: ['of'],
  registers: [registry],
});

export const hosts = new client.Gauge({
  name: 'itinera_hosts',
  help: 'Hosts by circuit',
  labelNames: ['circuit'],
  registers: [registry],
});

export const connections = new client.Gauge({
  name: 'itinera_database_connections',
  help: 'Connections of the pool: total, idle; and waiting, the requests for one',
  labelNames: ['state'],
  registers: [registry],
});
