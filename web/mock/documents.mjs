// MOCK DATA, development only: the handbook of a company that does not exist.

export const documents = [
  {
    id: "returns/returns-policy.md",
    title: "Returns policy",
    format: "md",
    days: 6,
    text: `# Returns policy

Applies to everything bought from Fernhill Outdoor after 1 March 2026. For older orders see *Returns policy 2025*.

## How long a customer has

A customer may return any item within 45 days of delivery for a full refund, provided it is unused and its tags are on. The 45 days begin on the day the carrier records the delivery, not on the day of the order.

Sleeping bags and base layers are hygiene items. They can be returned only with the seal intact.

| Item | Days | Who pays the postage |
| --- | ---: | --- |
| Clothing and boots | 45 | Fernhill |
| Tents and tarps | 45 | Fernhill |
| Stoves and fuel canisters | 14 | Customer |
| Sale items | 14 | Customer |

## Worn or used items

Items that were used may be sent in under the **two-year repair promise**, but they are not refunded. Offer a repair first, then a voucher of up to 60 % of the price paid.

1. Ask for a photo of the fault.
2. Open a repair case in the desk.
3. Send a prepaid label; repairs take 10 working days.

## Refunds

Refunds go back to the card or account that paid. They arrive 5 to 7 working days after the parcel reaches the warehouse in Leeds. Shipping is refunded only where the fault is ours.

> Never promise a refund date earlier than seven working days.
`,
  },
  {
    id: "returns/returns-policy-2025.md",
    title: "Returns policy 2025",
    format: "md",
    days: 250,
    text: `# Returns policy 2025

Valid for orders placed before 1 March 2026.

## How long a customer has

A customer may return any item within 30 days of delivery.

## Refunds

Refunds are made within 14 days of the parcel's arrival.
`,
  },
  {
    id: "shipping/delivery-times.md",
    title: "Delivery times",
    format: "md",
    days: 20,
    text: `# Delivery times

Orders placed before 14:00 on a working day leave the warehouse the same day.

## Within the United Kingdom

Standard delivery takes 2 to 3 working days and is free from £50. Express delivery arrives the next working day and costs £7.95.

## Abroad

We ship to the EU, Norway and Switzerland. Delivery takes 5 to 9 working days. Duties are paid by the customer unless the order is over £150, in which case Fernhill pays them.

## When a parcel is late

A parcel counts as lost after 10 working days within the United Kingdom and after 20 abroad. Then the customer chooses between a new parcel and a refund.
`,
  },
  {
    id: "repairs/repair-promise.pdf",
    title: "The two-year repair promise",
    format: "pdf",
    days: 41,
    text: `The two-year repair promise

Every tent, pack and jacket that Fernhill makes is repaired free of charge for two years from the day of delivery. Zips, seams, buckles and poles are covered. Normal wear of soles and the loss of water repellency are not.

How to send something in

Wash and dry the item first. Items that arrive wet or dirty are sent back at the customer's cost. Write the case number on the parcel.

What a repair costs after two years

After two years a zip costs £18, a pole section £9 and a patch £6. The estimate is sent before the work begins, and nothing is done without the customer's yes.`,
    headings: ["The two-year repair promise", "How to send something in", "What a repair costs after two years"],
    pageBreaks: ["What a repair costs after two years"],
  },
  { id: "tone/how-we-write.docx", title: "How we write", format: "docx", days: 90, text: "How we write\n\nWe write as we speak: short sentences, first names, no exclamation marks. We say sorry once and mean it.\n\nAngry letters\n\nAnswer the question first. Never argue about who is right; say what will happen next and when.", headings: ["How we write", "Angry letters"] },
  { id: "products/tents.md", title: "Tents: care and questions", format: "md", days: 12, text: "# Tents: care and questions\n\n## Drying\n\nDry a tent fully before storing it. Mould is not covered by the repair promise.\n\n## Spare poles\n\nSpare pole sections are sent within two working days, free of charge during the first two years.\n" },
  { id: "products/stoves.md", title: "Stoves and fuel", format: "md", days: 33, text: "# Stoves and fuel\n\n## Sending fuel\n\nFuel canisters are never sent by air. Orders with canisters go by road and take two days longer.\n" },
  { id: "shop/opening-hours.md", title: "Shops and opening hours", format: "md", days: 3, text: "# Shops and opening hours\n\nThe shop in Leeds opens Monday to Saturday from 9:30 to 18:00. The shop in Keswick is also open on Sundays from 10:00 to 16:00.\n" },
  { id: "shop/vouchers.md", title: "Vouchers", format: "md", days: 64, text: "# Vouchers\n\nVouchers are valid for three years from the day of purchase. They cannot be paid out in cash.\n" },
  { id: "accounts/personal-data.md", title: "Personal data", format: "md", days: 77, text: "# Personal data\n\nA customer who asks for deletion gets an answer within 30 days. Invoices are kept for six years because the law asks for it.\n" },
];

export const failedDocuments = [
  { id: "scans/supplier-letter-2019.pdf", title: "supplier-letter-2019.pdf", format: "pdf", size: 1_840_220, reason: "The file holds only pictures of text. Save it with text (OCR), then index again." },
];

const points = (text) => [...text].length;

/** Offsets as the server counts them: code points. */
export function place(id, quote) {
  const document = documents.find((one) => one.id === id);
  const at = document.text.indexOf(quote);
  if (at < 0) throw new Error(`mock: ${quote} is not in ${id}`);
  const start = points(document.text.slice(0, at));
  return { start, end: start + points(quote) };
}

export function opened(id) {
  const document = documents.find((one) => one.id === id);
  if (!document) return null;
  const headings =
    document.format === "md"
      ? [...document.text.matchAll(/^(#+) (.+)$/gm)].map((match) => ({ start: points(document.text.slice(0, match.index)), end: points(document.text.slice(0, match.index + match[0].length)), level: match[1].length, title: match[2] }))
      : (document.headings ?? []).map((title, index) => ({ ...place(id, title), level: index === 0 ? 1 : 2, title }));
  let pages = null;
  if (document.format === "pdf") {
    const cuts = [0, ...document.pageBreaks.map((quote) => place(id, quote).start), points(document.text)];
    pages = cuts.slice(0, -1).map((start, index) => ({ page: index + 1, start, end: cuts[index + 1] }));
  }
  return { id, title: document.title, format: document.format, text: document.text, headings, pages, updated_at: daysAgo(document.days), file_url: `/api/knowledge/handbook/files/${id}` };
}

export function daysAgo(days) {
  return new Date(Date.now() - days * 86_400_000).toISOString();
}
