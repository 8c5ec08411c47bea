/**
 * Who is signed in, and what they may do. The token itself is never kept here: the browser holds a cookie that no script
 * can read.
 */

import { call, Problem } from "./api.js";

const ROLES = ["viewer", "contributor", "manager", "admin"];

/**
 * @typedef {{id: string, name: string, role: string, enterpriseId: string | null, createdAt: string, expiresAt: string}}
 *   Session
 */

/**
 * Where the page remembers that somebody signed in here: no secret, and no more than a reason to ask the server. Its name has
 * the path of the page, because servers below other paths of the host share the memory.
 */
const MEMORY = `muster-signed-in:${location.pathname}`;

/** @type {Session | null} */
let current = null;

/** The session, if there is one. */
export const session = () => current;

/** Whether it is worth asking who is signed in; without storage it always is. */
function mayBeSignedIn() {
  try {
    return localStorage.getItem(MEMORY) !== null;
  } catch {
    return true;
  }
}

function remember(isSignedIn) {
  try {
    if (isSignedIn) localStorage.setItem(MEMORY, "yes");
    else localStorage.removeItem(MEMORY);
  } catch {
    // Then the server is asked each time.
  }
}

/** Asks the server who is signed in; `null` is nobody. Whoever never signed in here is not asked about. */
export async function loadSession() {
  if (current === null && !mayBeSignedIn()) return null;
  try {
    current = (await call("GET", "session")).body.session;
  } catch (error) {
    if (!(error instanceof Problem) || error.isOffline || error.status >= 500) throw error;
    forgetSession();
  }
  return current;
}

/** Exchanges a token, or the code of a one-time link, for a session. */
export async function signIn(secret) {
  current = (await call("POST", "session", { body: secret })).body.session;
  remember(true);
  return current;
}

/** Ends the session. */
export async function signOut() {
  await call("DELETE", "session");
  forgetSession();
}

/** Forgets the session, which has ended by itself. */
export function forgetSession() {
  current = null;
  remember(false);
}

function hasRole(role) {
  return current !== null && ROLES.indexOf(current.role) >= ROLES.indexOf(role);
}

/** What the session may do; the server decides the same. */
export const may = {
  /** See the cache's figures and configuration. */
  watchCache: () => current !== null && current.enterpriseId === null,
  /** Change the cache and its configuration, create enterprises, back up, see tokens, sessions and the audit log. */
  administer: () => hasRole("admin") && current.enterpriseId === null,
  /** Create departments. */
  manage: () => hasRole("manager"),
};
