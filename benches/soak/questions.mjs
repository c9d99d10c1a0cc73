/** Questions that agents ask a cache, each in several words; what differs in a number asks something else. */

const WAYS = [
  (at) => `How do I reset the password of account ${at}?`,
  (at) => `how can I reset the password of account ${at}`,
  (at) => `Please reset the password of the account ${at}`,
];
/** Different questions: few enough to come again, and for what the soak itself knows of each to be full soon. */
const QUESTIONS = 300;

/** `[key, id]`: what is asked, and which question it is. Small numbers are asked more often. */
export function question({ random, pick }) {
  const id = Math.floor(QUESTIONS * random() ** 3);
  return [pick(WAYS)(id), id];
}
