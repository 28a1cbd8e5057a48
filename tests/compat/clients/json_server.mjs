// Uses react-admin's provider `ra-data-json-server` as the pages of Dkron do, and prints what came of it as JSON.
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const [modules, url, key] = process.argv.slice(2)
const from = createRequire(modules + '/')
const { default: provider } = await import(pathToFileURL(from.resolve('ra-data-json-server')))
const { fetchUtils } = await import(pathToFileURL(from.resolve('ra-core')))

const options = (given) => ({ ...given, headers: new Headers({ ...given?.headers, 'X-Dkron-Token': key }) })
const jobs = (provider.default ?? provider)(`${url}/v1`, (where, given) => fetchUtils.fetchJson(where, options(given)))

const job = (name, more) => ({
    name, schedule: '@manually', tags: { server: 'true' }, executor: 'shell', executor_config: { command: 'true' }, ...more,
})
const list = (filter, sort, page = 1, perPage = 2) => ({ filter, sort, pagination: { page, perPage } })
const names = ({ data, total }) => ({ names: data.map((one) => one.name), total })
const newest = { field: 'name', order: 'DESC' }

const told = {}
for (const name of ['ra-1', 'ra-2', 'ra-3']) {
    told[name] = (await jobs.create('jobs', { data: job(name, { displayname: `Nr. ${name}` }) })).data.id
}
await fetch(`${url}/v1/jobs/ra-2`, { method: 'POST', headers: { 'X-Dkron-Token': key } })
told.first = names(await jobs.getList('jobs', list({}, newest)))
told.second = names(await jobs.getList('jobs', list({}, newest, 2)))
told.found = names(await jobs.getList('jobs', list({ q: 'Nr. ra-2', status: 'success', disabled: false }, newest)))
told.one = (await jobs.getOne('jobs', { id: 'ra-2' })).data
told.many = (await jobs.getMany('jobs', { ids: ['ra-1'] })).data.length
told.executions = await jobs.getList('jobs/ra-2/executions', list({}, { field: 'started_at', order: 'DESC' }))
told.members = (await jobs.getList('members', list({}, newest))).total
told.busy = (await jobs.getList('busy', list({}, newest))).total
told.updated = (await jobs.update('jobs', { id: 'ra-1', data: { ...told.one, name: 'ra-1', owner: 'ann' } })).data.owner
told.deleted = (await jobs.deleteMany('jobs', { ids: ['ra-1', 'ra-2', 'ra-3'] })).data
told.gone = await jobs.getOne('jobs', { id: 'ra-1' }).catch((error) => error.status)
console.log(JSON.stringify(told))
