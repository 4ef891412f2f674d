// What every client of the ledger sends.
export const { LEDGER_URL: URL_, LEDGER_KEY: KEY, LEDGER_KEY_ID: KEY_ID } = process.env
const EVENTS = Number(process.env.LEDGER_EVENTS)

export const sleep = milliseconds => new Promise(resolve => setTimeout(resolve, milliseconds))

// The numbers in pieces, with pauses, so that faults hit most of them.
export async function * pieces () {
  for (let first = 0; first < EVENTS; first += 50) {
    yield Array.from({ length: Math.min(50, EVENTS - first) }, (_, at) => first + at)
    await sleep(150)
  }
}

// A document of the common schema.
export const document = number => ({
  '@timestamp': new Date().toISOString(),
  message: `ledger-${number}-end`,
  user: { name: 'ann' },
  event: { action: 'opened', outcome: 'success' }
})

// Calls until it succeeds, as a program does that loses nothing.
export async function insist (send) {
  for (let attempt = 0; ; attempt++) {
    try {
      return await send()
    } catch (error) {
      if (attempt === 600) throw error
      await sleep(200)
    }
  }
}
