// The order of search results: a name that is the word first, then pages, then names that only contain the word.
var Scorer = {  // not const: a script of Sphinx declares it, too
  objNameMatch: 11,
  objPartialMatch: 0,
  objPrio: { 0: 15, 1: 0, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
