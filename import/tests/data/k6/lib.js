export function headersOf(token) {
  return { Authorization: `Bearer ${token}`, Accept: 'application/json' };
}
