// The documents that the binary prints, against the official schemas of OpenRPC and AsyncAPI.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test } from 'node:test';

import Ajv from 'ajv';
import addFormats from 'ajv-formats';

const require = createRequire(import.meta.url);
const { openrpcDocument } = require('@open-rpc/meta-schema');
const { jsonSchema } = require('@json-schema-tools/meta-schema');

const printed = (...args) => JSON.parse(spawnSync(process.env.TEST_COVEY, args, { encoding: 'utf8', maxBuffer: 1 << 26 }).stdout);

// Both are of draft 7. OpenRPC's names a copy of that as its own schema, AsyncAPI's brings one along.
function validator() {
  const ajv = new Ajv({ strict: false, allErrors: true, validateSchema: false, meta: false });
  addFormats(ajv);
  return ajv;
}

function check(ajv, schema, document) {
  const validate = ajv.compile(schema);
  assert.ok(validate(document), JSON.stringify(validate.errors?.slice(0, 5), null, 2));
}

/** The schema refers to the one of JSON Schema with and without the slash that is part of its name. */
function openrpc() {
  const ajv = validator();
  ajv.addSchema(jsonSchema);
  const text = JSON.stringify(openrpcDocument).replaceAll('"https://meta.json-schema.tools"', '"https://meta.json-schema.tools/"');
  return { ajv, schema: JSON.parse(text) };
}

test('the OpenRPC document is one', () => {
  const { ajv, schema } = openrpc();
  check(ajv, schema, printed('rpc', 'spec'));
});

test('the schema of OpenRPC can fail', () => {
  const { ajv, schema } = openrpc();
  const document = printed('rpc', 'spec');
  delete document.methods[0].name;
  assert.throws(() => check(ajv, schema, document), assert.AssertionError);
});

const asyncapi = () => JSON.parse(readFileSync(require.resolve('@asyncapi/specs/schemas/3.0.0.json'), 'utf8'));

test('the AsyncAPI document is one', () => check(validator(), asyncapi(), printed('rpc', 'asyncapi')));

test('the schema of AsyncAPI can fail', () => {
  const document = printed('rpc', 'asyncapi');
  document.operations.receiveEvent.action = 'guess';
  assert.throws(() => check(validator(), asyncapi(), document), assert.AssertionError);
});
