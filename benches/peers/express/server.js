'use strict';
// The kind of server that Muster replaces: Express, and a Map of objects with a time to live.
// usage: node server.js FILE, where FILE has the answer as JSON. Prints its address.

const { readFileSync } = require('node:fs');
const express = require('express');

const TTL_MILLIS = 3_600_000;

const cache = new Map();
const answer = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const keyOf = (enterpriseId) => `enterprise:${enterpriseId}:contacts`;
cache.set(keyOf(answer.data.enterpriseId), { answer, expiresAt: Date.now() + TTL_MILLIS, accessCount: 0 });

const app = express();
app.get('/enterprise/:enterpriseId/contacts/summary', (request, response) => {
  const entry = cache.get(keyOf(request.params.enterpriseId));
  if (!entry || entry.expiresAt <= Date.now()) {
    response.status(404).json({ success: false, message: 'Enterprise not found' });
    return;
  }
  entry.accessCount += 1;
  response.json(entry.answer);
});

const server = app.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
