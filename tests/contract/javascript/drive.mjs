// Drives a running Garner through the unmodified JavaScript SDK: everything that it offers for
// Search, in one life of an index. Prints one line per step; the first broken promise ends it.
//   GLOBUS_SDK_SERVICE_URL_SEARCH=http://…/ GARNER_KEY=… GARNER_READER=<urn> node drive.mjs
import assert from 'node:assert/strict';
import { request as genericRequest, search } from '@globus/sdk';

const headers = { Authorization: `Bearer ${process.env.GARNER_KEY}` };
const as = (options = {}) => ({ ...options, headers });
const steps = [];

async function answer(call, status = 200) {
  const response = await call;
  const document = await response.json();
  assert.equal(response.status, status, JSON.stringify(document));
  assert.match(response.headers.get('content-type'), /^application\/json/);
  return document;
}

async function step(name, run) {
  const result = await run();
  steps.push(name);
  console.log(`ok ${steps.length} ${name}`);
  return result;
}

// The SDK has no method for tasks, scroll and deletes: its generic request does them.
const request = (method, path, options) =>
  genericRequest({ service: 'SEARCH', path, method }, as(options));

async function finished(taskId) {
  for (let tries = 0; tries < 300; tries += 1) {
    const task = await answer(request('GET', `/v1/task/${taskId}`));
    if (task.state === 'SUCCESS' || task.state === 'FAILED') return task;
    assert.match(task.state, /^(CREATING|PENDING|PROGRESS)$/);
    await new Promise((wake) => { setTimeout(wake, 100); });
  }
  throw new Error(`task ${taskId} did not finish`);
}

const index = await step('index.create', () => answer(search.index.create(as({
  payload: { display_name: 'Minerals', description: 'From the JavaScript SDK' },
}))));
assert.equal(index.status, 'open');

await step('index.get without a token', async () => {
  const shown = await answer(search.index.get(index.id));
  assert.equal(shown.display_name, 'Minerals');
  assert.deepEqual(shown.permissions ?? [], []);
});

await step('index.getAll', async () => {
  const { index_list: list } = await answer(search.index.getAll(as()));
  assert.deepEqual(list.find((each) => each.id === index.id).permissions, ['owner']);
});

await step('index.ingest', async () => {
  const gmeta = Array.from({ length: 25 }, (_, n) => ({
    subject: `mineral:${n}`,
    visible_to: ['public'],
    content: { name: `mineral ${n}`, hardness: (n % 10) + 1, found: n % 2 ? 'Iceland' : 'Norway' },
  }));
  const submitted = await answer(search.index.ingest(index.id, as({
    payload: { ingest_type: 'GMetaList', ingest_data: { gmeta } },
  })));
  assert.equal(submitted.acknowledged, true);
  assert.equal((await finished(submitted.task_id)).state, 'SUCCESS');
});

await step('the task list by the generic request', async () => {
  const { tasks } = await answer(request('GET', `/v1/task_list/${index.id}`));
  assert.equal(tasks.length, 1);
});

await step('query.get', async () => {
  const found = await answer(search.query.get(index.id, { query: { q: 'iceland', limit: '5' } }));
  assert.equal(found.total, 12);
  assert.equal(found.gmeta.length, 5);
});

await step('query.post with a filter, a facet and a sort', async () => {
  const found = await answer(search.query.post(index.id, {
    payload: {
      q: '*',
      filters: [{ type: 'range', field_name: 'hardness', values: [{ from: 1, to: 5 }] }],
      facets: [{ name: 'Where', type: 'terms', field_name: 'found' }],
      sort: [{ field_name: 'hardness', order: 'asc' }],
      limit: 100,
    },
  }));
  assert.equal(found.total, 15);
  assert.equal(found.gmeta[0].entries[0].content.hardness, 1);
  assert.deepEqual(
    found.facet_results[0].buckets.map(({ value, count }) => [value, count]),
    [['Norway', 9], ['Iceland', 6]],
  );
});

await step('subject.get', async () => {
  const subject = await answer(search.subject.get(index.id, { query: { subject: 'mineral:3' } }));
  assert.equal(subject.entries[0].content.name, 'mineral 3');
});

await step('entry.get', async () => {
  const entry = await answer(search.entry.get(index.id, { query: { subject: 'mineral:4' } }));
  assert.equal(entry.entries[0].entry_id, null);
});

await step('roles: create, getAll, remove', async () => {
  const role = await answer(search.index.roles.create(index.id, as({
    payload: { role_name: 'writer', principal: process.env.GARNER_READER },
  })));
  const { role_list: roles } = await answer(search.index.roles.getAll(index.id, as()));
  assert.deepEqual(roles.map((each) => each.role_name).sort(), ['owner', 'writer']);
  const removed = await answer(
    search.index.roles.remove({ index_id: index.id, role_id: role.id }, as()),
  );
  assert.equal(removed.success, true);
});

await step('scroll by the generic request', async () => {
  const seen = new Set();
  let marker;
  do {
    const page = await answer(request('POST', `/v1/index/${index.id}/scroll`, {
      payload: { q: '*', limit: 10, ...(marker ? { marker } : {}) },
    }));
    page.gmeta.forEach(({ subject }) => seen.add(subject));
    marker = page.has_next_page ? page.marker : undefined;
  } while (marker);
  assert.equal(seen.size, 25);
});

await step('a subject deleted by the generic request', async () => {
  const { task_id: taskId } = await answer(request('DELETE', `/v1/index/${index.id}/subject`, {
    query: { subject: 'mineral:3' },
  }));
  assert.equal((await finished(taskId)).state, 'SUCCESS');
  const error = await answer(
    search.subject.get(index.id, { query: { subject: 'mineral:3' } }), 404);
  assert.equal(error['@datatype'], 'GError');
});

await step('index.remove and index.reopen', async () => {
  assert.equal((await answer(search.index.remove(index.id, as()))).acknowledged, true);
  const closed = await answer(search.query.get(index.id, { query: { q: '*' } }), 409);
  assert.equal(closed.code, 'Conflict.IncompatibleIndexStatus');
  assert.equal((await answer(search.index.reopen(index.id, as()))).acknowledged, true);
  const found = await answer(search.query.get(index.id, { query: { q: '*', limit: '0' } }));
  assert.equal(found.total, 24);
});

await step('a wrong token is refused', () => answer(
  search.query.get(index.id, { query: { q: '*' }, headers: { Authorization: 'Bearer no.such' } }),
  401,
));

await answer(search.index.remove(index.id, as()));
console.log(`passed ${steps.length}`);
