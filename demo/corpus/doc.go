// Package corpus holds what the demo searches: the Free On-line Dictionary of Computing, one document an entry, with
// questions that people ask of such a dictionary and graded judgments of the entries that two orders put on top.
//
// Everything is embedded and read only. README.md tells how the documents were made, how the questions were judged and
// what both orders reach. The dictionary has a licence of its own, the GNU Free Documentation License: Licence.
package corpus
