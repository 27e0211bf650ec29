// Shows which server answered each part of the page. No libraries, no outside requests.
'use strict';
const by = (response) => response.headers.get('x-served-by') || 'nobody';

for (const tile of document.querySelectorAll('.tiles li[data-src]')) {
  fetch(tile.dataset.src, { cache: 'no-store' }).then(async (response) => {
    const picture = new Image();
    picture.alt = 'waves';
    picture.src = URL.createObjectURL(await response.blob());
    tile.replaceChildren(picture, by(response));
  }).catch(() => tile.append(' no answer'));
}

const ask = document.getElementById('ask');
if (ask) ask.onclick = async () => {
  ask.disabled = true;
  const tally = new Map();
  const bars = document.getElementById('bars');
  for (let i = 0; i < 20; i++) {
    let who, bad = false;
    try {
      const response = await fetch('/api/echo?n=' + i, { cache: 'no-store' });
      bad = !response.ok;
      who = bad ? 'status ' + response.status : by(response);
    } catch { who = 'no answer'; bad = true; }
    const entry = tally.get(who) || { n: 0, bad };
    entry.n++;
    tally.set(who, entry);
    bars.replaceChildren(...[...tally].sort().map(([name, { n, bad }]) => {
      const row = document.createElement('li');
      const bar = document.createElement('span');
      bar.style.width = n * 5 + '%';
      if (bad) row.className = 'bad';
      row.append(name, bar, n);
      return row;
    }));
  }
  ask.disabled = false;
};

const send = document.getElementById('send');
if (send) send.onclick = async () => {
  const result = document.getElementById('sent');
  send.disabled = true;
  try {
    const response = await fetch('/upload/note.txt', { method: 'POST', body: document.getElementById('note').value });
    result.textContent = response.status + ' from ' + by(response) + '\n' + (await response.text());
  } catch (error) { result.textContent = 'no answer: ' + error.message; }
  send.disabled = false;
};
