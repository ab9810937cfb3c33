// Takes the sentences of a refusal apart, so that each can be shown at the field that it speaks of. Pure.

const FIELD_FAULT = /^The field (\S+) is not usable: (.*?)\.?\s*$/s;
/** How services name the field: "project: there is no project cart in this team." */
const FIELD_AT_START = /^([a-z]+(?:_[a-z]+)*): (.+)$/s;

/** Field, as the API names it, → what is wrong with it. Empty when the refusal names no field. */
export function faultsOfRefusal(message: string): Record<string, string> {
  const faults: Record<string, string> = {};
  for (const sentence of message.split(/(?=\bThe field )/)) {
    const [, field, what] = sentence.match(FIELD_FAULT) ?? [];
    if (field && what) faults[field] ??= what;
  }
  const [, field, what] = message.match(FIELD_AT_START) ?? [];
  return field && what ? { [field]: what } : faults;
}
