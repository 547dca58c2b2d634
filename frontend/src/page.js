// What a page tells the server with whatever it asks: whose session it is of, and which tenant it shows.
const meta = (name) => document.querySelector(`meta[name="${name}"]`)?.content;

// The tenant that the page shows; "" for who is of one tenant only.
export const tenant = () => meta("tenant") ?? "";

// What a page does and shows is of its tenant, whatever was chosen elsewhere meanwhile.
export function headersOf() {
  const csrf = meta("csrf");
  return {
    ...(tenant() ? { "voltkeep-tenant": tenant() } : {}),
    ...(csrf ? { "x-voltkeep-csrf": csrf } : {}),
  };
}

// A stream of events cannot be asked for the page's tenant: it is of the one that the browser acts in.
export const isOfPage = (event) => !tenant() || !event.tenant || event.tenant === tenant();
