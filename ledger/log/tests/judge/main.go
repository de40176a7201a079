// An independent judge of a log: Go's own sumdb packages, and transparency-dev's of witnesses, read what this crate wrote.
//
// Usage: judge DIR, where DIR holds the log's blobs (checkpoint, tile/...), keys (the verifying keys of the log and of a
// witness), old-checkpoint, proofs, receipt, and entry. Prints how many proofs it checked.
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	flog "github.com/transparency-dev/formats/log"
	fnote "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type dir string

func (d dir) read(name string) []byte {
	bytes, err := os.ReadFile(filepath.Join(string(d), name))
	check(err)
	return bytes
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func ensure(holds bool, format string, args ...any) {
	if !holds {
		log.Fatalf(format, args...)
	}
}

// Go names the height of a tile in its path, C2SP does not.
func (d dir) Height() int { return 8 }

func (d dir) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var data [][]byte
	for _, tile := range tiles {
		name := "tile/" + strings.TrimPrefix(tile.Path(), "tile/8/")
		bytes, err := os.ReadFile(filepath.Join(string(d), name))
		if err != nil {
			return nil, err
		}
		data = append(data, bytes)
	}
	return data, nil
}

func (d dir) SaveTiles([]tlog.Tile, [][]byte) {}

// The checkpoint, which all of these keys must have signed.
func open(bytes []byte, keys ...note.Verifier) tlog.Tree {
	checkpoint, _, n, err := flog.ParseCheckpoint(bytes, keys[0].Name(), keys[0], keys[1:]...)
	check(err)
	ensure(len(n.Sigs) == len(keys), "%d signatures verified, expected %d", len(n.Sigs), len(keys))
	tree := tlog.Tree{N: int64(checkpoint.Size)}
	copy(tree.Hash[:], checkpoint.Hash)
	return tree
}

func hashes(lines []string) []tlog.Hash {
	hashes := []tlog.Hash{}
	for _, line := range lines {
		bytes, err := base64.StdEncoding.DecodeString(line)
		check(err)
		ensure(len(bytes) == tlog.HashSize, "%d bytes are no hash", len(bytes))
		hashes = append(hashes, tlog.Hash(bytes))
	}
	return hashes
}

func number(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	check(err)
	return n
}

// Entry n of the tree, from its bundle.
func (d dir) entry(n int64, tree tlog.Tree) []byte {
	tile := tlog.Tile{H: 8, L: -1, N: n / 256, W: int(min(256, tree.N-n/256*256))}
	bundle := d.read("tile/entries/" + strings.TrimPrefix(tile.Path(), "tile/8/data/"))
	for range n % 256 {
		bundle = bundle[2+binary.BigEndian.Uint16(bundle):]
	}
	return bundle[2 : 2+binary.BigEndian.Uint16(bundle)]
}

func main() {
	d := dir(os.Args[1])
	keys := strings.Fields(string(d.read("keys")))
	logKey, err := note.NewVerifier(keys[0])
	check(err)
	witnessKey, err := fnote.NewVerifierForCosignatureV1(keys[1])
	check(err)

	tree, old := open(d.read("checkpoint"), logKey, witnessKey), open(d.read("old-checkpoint"), logKey)
	// Authenticates every tile that it reads against the root.
	reader := tlog.TileHashReader(tree, d)
	ours, err := tlog.TreeHash(old.N, reader)
	check(err)
	ensure(ours == old.Hash, "the tiles give another root at size %d", old.N)

	checked := 0
	for _, line := range strings.Split(strings.TrimSpace(string(d.read("proofs"))), "\n") {
		words := strings.Split(line, " ")
		n, proof := number(words[1]), hashes(words[2:])
		var err error
		var expected, lie []tlog.Hash
		verify := func(proof []tlog.Hash) error {
			if words[0] == "consistency" {
				return tlog.CheckTree(proof, tree.N, tree.Hash, old.N, old.Hash)
			}
			return tlog.CheckRecord(proof, tree.N, tree.Hash, n, tlog.RecordHash(d.entry(n, tree)))
		}
		if words[0] == "consistency" {
			expected, err = tlog.ProveTree(tree.N, n, reader)
		} else {
			expected, err = tlog.ProveRecord(tree.N, n, reader)
		}
		check(err)
		ensure(fmt.Sprint(expected) == fmt.Sprint(proof), "another proof: %v", line)
		check(verify(proof))
		lie = append(lie, proof...)
		lie[0][0] ^= 1
		ensure(verify(lie) != nil, "a lie was accepted: %v", line)
		checked++
	}

	head, checkpoint, _ := bytes.Cut(d.read("receipt"), []byte("\n\n"))
	lines := strings.Split(string(head), "\n")
	ensure(lines[0] == "c2sp.org/tlog-proof@v1", "not a receipt")
	index, isIndex := strings.CutPrefix(lines[1], "index ")
	ensure(isIndex, "no index in the receipt")
	tree = open(checkpoint, logKey, witnessKey)
	check(tlog.CheckRecord(hashes(lines[2:]), tree.N, tree.Hash, number(index), tlog.RecordHash(d.read("entry"))))
	fmt.Println(checked + 1)
}
