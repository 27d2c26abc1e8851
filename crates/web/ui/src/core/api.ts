/** The server's JSON. */

const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 15_000;
const TIMEOUT_MS = 20_000;

/** The answer, or null when there is none (404, no connection, not JSON). */
export async function get<T>(path: string): Promise<T | null> {
  try {
    const answer = await fetch(path, { headers: { accept: "application/json" }, signal: AbortSignal.timeout(TIMEOUT_MS) });
    return answer.ok ? ((await answer.json()) as T) : null;
  } catch {
    return null;
  }
}

/** Asks until there is an answer; `failed` hears of each try that brought none. */
export async function insist<T>(path: string, failed: () => void): Promise<T> {
  for (let wait = FIRST_WAIT_MS; ; wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
    const answer = await get<T>(path);
    if (answer !== null) return answer;
    failed();
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
}

/** A list, bare or under the given name: `[…]` or `{"routes": […]}`. */
export function listIn<T>(answer: unknown, name: string): T[] {
  if (Array.isArray(answer)) return answer as T[];
  const inner: unknown = (answer as Record<string, unknown> | null)?.[name];
  return Array.isArray(inner) ? (inner as T[]) : [];
}
