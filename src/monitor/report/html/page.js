(() => {
  const main = document.querySelector('main');
  if (!main || !main.dataset.span) return;
  const [start, end] = main.dataset.span.split(' ').map(Number);
  const moments = (text) => {
    let at = 0;
    return text.split(' ').map((distance) => {
      at += Number(distance);
      return at;
    });
  };
  const shared = moments(main.dataset.t);
  // Between two samples the nearest holds; in a gap none does.
  const distances = shared.slice(1).map((time, index) => time - shared[index]);
  const usual = distances.sort((a, b) => a - b)[distances.length >> 1] ?? 0;
  const far = Math.max((end - start) / 150, usual * 1.5);
  const charts = [...document.querySelectorAll('.chart')].map((figure) => {
    const cursor = document.createElement('div');
    const label = document.createElement('span');
    cursor.className = 'cursor';
    cursor.hidden = true;
    cursor.append(label);
    const plot = figure.querySelector('.plot');
    plot.append(cursor);
    const cells = [...figure.querySelectorAll('td.here')].map((cell) => ({ cell, texts: cell.dataset.v.split('|') }));
    const times = figure.dataset.t ? moments(figure.dataset.t) : shared;
    return { plot, cursor, label, cells, times, reach: times === shared ? far : Number.POSITIVE_INFINITY };
  });
  const nearest = (times, at) => {
    let low = 0;
    let high = times.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (times[middle] < at) low = middle + 1;
      else high = middle;
    }
    return low > 0 && at - times[low - 1] < times[low] - at ? low - 1 : low;
  };
  let at = null;
  const show = (moment) => {
    at = moment === null ? null : Math.min(Math.max(moment, start), end);
    for (const { cursor, label, cells, times, reach } of charts) {
      cursor.hidden = at === null;
      if (at === null) {
        for (const { cell } of cells) cell.textContent = '';
        continue;
      }
      cursor.style.left = `${((at - start) / (end - start)) * 100}%`;
      label.textContent = new Date(at).toISOString().slice(5, 19).replace('T', ' ');
      const index = nearest(times, at);
      const isFar = Math.abs(times[index] - at) > reach;
      for (const { cell, texts } of cells) cell.textContent = (!isFar && texts[index]) || '–';
    }
  };
  for (const { plot } of charts) {
    const move = (event) => {
      const box = plot.getBoundingClientRect();
      show(start + ((event.clientX - box.left) / box.width) * (end - start));
    };
    plot.addEventListener('pointermove', move);
    plot.addEventListener('pointerdown', move);
    plot.addEventListener('pointerleave', (event) => {
      if (event.pointerType === 'mouse') show(null);
    });
    plot.tabIndex = 0;
    plot.setAttribute('role', 'group');
    plot.setAttribute('aria-label', 'Chart: the arrow keys move a cursor, Escape takes it away');
    plot.addEventListener('keydown', (event) => {
      const steps = { ArrowLeft: -1, ArrowRight: 1, PageUp: -20, PageDown: 20 };
      if (event.key === 'Escape') show(null);
      else if (event.key === 'Home') show(start);
      else if (event.key === 'End') show(end);
      else if (event.key in steps) {
        const index = nearest(shared, at === null ? end : at) + steps[event.key];
        show(shared[Math.min(Math.max(index, 0), shared.length - 1)]);
      } else return;
      event.preventDefault();
    });
  }
  document.documentElement.classList.add('js');
})();
