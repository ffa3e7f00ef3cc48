// Four fields to SHA-256 hex by Segment's Meta destination, and clean phones by Google's own JavaScript library:
// name, nanoseconds a member, checksum; tabs between.
'use strict'
const fs = require('fs')
const path = require('path')

const ROUNDS = 5
const BLOCK = 1024
const members = fs.readFileSync(process.argv[2], 'utf8').trimEnd().split('\n').map((line) => line.split('\t'))

// Nanoseconds a value, the best round of each block, and all results.
function time(values, work) {
  let total = 0
  let results = []
  for (let begin = 0; begin < values.length; begin += BLOCK) {
    const block = values.slice(begin, begin + BLOCK)
    let best = Infinity
    let result
    for (let round = 0; round < ROUNDS; round++) {
      const begun = process.hrtime.bigint()
      result = work(block)
      best = Math.min(best, Number(process.hrtime.bigint() - begun))
    }
    total += best
    results = results.concat(result)
  }
  return [total / values.length, results]
}

// FNV-1a, 32 bits, of a line a member with blanks between the digests.
function checksum(rows) {
  let value = 0x811c9dc5
  for (const row of rows) {
    for (const byte of Buffer.from(row.join(' ') + '\n')) value = Math.imul(value ^ byte, 0x01000193) >>> 0
  }
  return value.toString(16).padStart(8, '0')
}

// Not an entry point of the package, so by its path.
const dist = path.join(path.dirname(require.resolve('@segment/action-destinations')), 'destinations')
const { getData } = require(path.join(dist, 'facebook-custom-audiences/sync/functions.js'))
const schema = require(path.join(dist, 'facebook-custom-audiences/sync/constants.js')).SCHEMA_PROPERTIES
const columns = ['EMAIL', 'PHONE', 'FN', 'LN'].map((name) => schema.indexOf(name))

const payloads = members.map(([email, phone, first, last]) => ({ email, phone, name: { first, last } }))
const [segment, rows] = time(payloads, getData)
const sent = rows.map((row) => columns.map((column) => row[column]))
console.log(`@segment/action-destinations (Node)\t${segment.toFixed(1)}\t${checksum(sent)}`)

const { PhoneNumberUtil, PhoneNumberFormat } = require('google-libphonenumber')
const util = PhoneNumberUtil.getInstance()
const [phone] = time(members, (block) =>
  block.map(([, number]) => {
    const parsed = util.parse(number, 'ZZ')
    return [util.format(parsed, PhoneNumberFormat.E164), util.isValidNumber(parsed)]
  })
)
console.log(`google-libphonenumber, phone alone (Node)\t${phone.toFixed(1)}\t-`)
