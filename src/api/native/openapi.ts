import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { z } from 'zod';
import { definitionJsonSchema } from '../../journey/definition.schema.js';

/** Files of swagger-ui-dist that the page needs; nothing comes from elsewhere, so it works without the internet. */
const ASSETS: Readonly<Record<string, string>> = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
  'favicon-32x32.png': 'image/png',
};

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Itinera API</title>
<link rel="icon" type="image/png" href="docs/favicon-32x32.png">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
`;
const START = `SwaggerUIBundle({ url: 'openapi.json', dom_id: '#swagger-ui', deepLinking: true, persistAuthorization: true, tryItOutEnabled: true });\n`;

/**
 * Serves the description of the native API at `/api/openapi.json` (OpenAPI 3.1) and a page to browse it at `/api/docs`.
 * Call it once, before the application listens. Neither needs a key.
 */
export function serveApiDocs(app: INestApplication): void {
  const server = app.getHttpAdapter().getInstance() as FastifyInstance;
  let document: string | undefined;
  server.get('/api/openapi.json', (_request, reply) => {
    document ??= JSON.stringify(describeApi(app));
    return send(reply, 'application/json; charset=utf-8', document);
  });
  server.get('/api/docs', (request, reply) =>
    // The page names its files relative to /api/, so that it also works behind a path of a proxy.
    request.url.endsWith('/') ? reply.redirect('../docs', 308) : send(reply, 'text/html; charset=utf-8', PAGE),
  );
  server.get('/api/docs/start.js', (_request, reply) => send(reply, 'text/javascript; charset=utf-8', START));
  const assets = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
  for (const [name, type] of Object.entries(ASSETS)) {
    server.get(`/api/docs/${name}`, async (_request, reply) => send(reply, type, await readFile(join(assets, name))));
  }
}

function send(reply: FastifyReply, type: string, content: string | Buffer): FastifyReply {
  return reply.headers({ 'content-type': type, 'cache-control': 'no-cache' }).send(content);
}

/** The OpenAPI document of the controllers under `/api`. */
export function describeApi(app: INestApplication): OpenAPIObject {
  const config = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Itinera')
    .setVersion('1')
    .setDescription(
      'Journeys, entries, deliveries and hosts. Errors are RFC 9457 problem documents with a stable `code`; lists page by `cursor` and `limit`; writes accept `Idempotency-Key`.',
    )
    .addBearerAuth({ type: 'http', scheme: 'bearer', description: 'An API key.' })
    .build();
  const document = SwaggerModule.createDocument(app, config, {
    standardSchemaConverter: (schema) => (schema instanceof z.ZodType ? split(toJsonSchema(schema)) : undefined),
    operationIdFactory: (controller, method) => `${controller.replace(/Controller$/, '')}_${method}`,
  });
  document.paths = Object.fromEntries(Object.entries(document.paths).filter(([path]) => path.startsWith('/api/')));
  for (const path of Object.values(document.paths)) nameProblemType(path);
  const schemas = (document.components ??= {}).schemas as Record<string, unknown>;
  Object.assign(schemas, definitionComponents());
  return document;
}

type Schema = Record<string, unknown>;

// Shapes as they are sent: a default makes a member optional, a transformation has not happened yet.
function toJsonSchema(schema: z.ZodType): Schema {
  return z.toJSONSchema(schema, { target: 'draft-2020-12', io: 'input', unrepresentable: 'any' });
}

function split({ $schema: _dialect, $defs = {}, ...schema }: Schema): {
  schema: Schema;
  components: Record<string, unknown>;
} {
  return { schema, components: $defs as Record<string, unknown> };
}

/** The schema of definitions under names that cannot meet those of the answers. */
function definitionComponents(): Record<string, unknown> {
  const { $schema: _dialect, $defs = {}, ...root } = definitionJsonSchema();
  const text = JSON.stringify({ ...($defs as object), '': root }).replaceAll(
    /"#\/\$defs\/([^"]+)"/g,
    '"#/components/schemas/Definition.$1"',
  );
  const { '': whole, ...parts } = JSON.parse(text) as Record<string, unknown>;
  const named = Object.entries(parts).map(([name, schema]) => [`Definition.${name}`, schema]);
  return { JourneyDefinition: whole, ...(Object.fromEntries(named) as Record<string, unknown>) };
}

function nameProblemType(path: object): void {
  for (const operation of Object.values(path) as {
    responses?: Record<string, { content?: Record<string, unknown> }>;
  }[]) {
    for (const [status, response] of Object.entries(operation.responses ?? {})) {
      const body = response.content?.['application/json'];
      if (Number(status) >= 400 && body !== undefined) response.content = { 'application/problem+json': body };
    }
  }
}
