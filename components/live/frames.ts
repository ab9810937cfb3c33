// Reads the text of a server-sent event stream into messages. Pure: bytes arrive cut anywhere.

export interface StreamMessage {
  id: string;
  event: string;
  data: string;
}

export interface FrameReader {
  /** Takes the next piece of text and returns the messages that it completes. */
  push(text: string): StreamMessage[];
}

/** A reader for one connection. */
export function frameReader(): FrameReader {
  let rest = "";
  let message = { id: "", event: "message", data: [] as string[] };
  const takeLine = (line: string): StreamMessage | null => {
    if (line === "") {
      const done = message;
      message = { id: done.id, event: "message", data: [] };
      return done.data.length > 0 ? { ...done, data: done.data.join("\n") } : null;
    }
    if (line.startsWith(":")) return null;
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "data") message.data.push(value);
    else if (field === "event") message.event = value;
    else if (field === "id") message.id = value;
    return null;
  };
  return {
    push(text) {
      rest += text;
      const messages: StreamMessage[] = [];
      // A CR at the very end may be the first half of CRLF: it waits for the next piece.
      const end = /\r\n|\n|\r(?!$)/g;
      let from = 0;
      for (let match = end.exec(rest); match; match = end.exec(rest)) {
        const completed = takeLine(rest.slice(from, match.index));
        if (completed) messages.push(completed);
        from = end.lastIndex;
      }
      rest = rest.slice(from);
      return messages;
    },
  };
}
