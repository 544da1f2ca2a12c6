// Reads the examples of docs/contract, knowing nothing else of everfresh.
//
//	examples FOLDER FIELDS
//
// prints a line of JSON for each; FIELDS says which field of the data, by the noun in the type.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// event is a CloudEvent, as far as this program looks at it.
type event struct {
	SpecVersion string                     `json:"specversion"`
	ID          string                     `json:"id"`
	Source      string                     `json:"source"`
	Type        string                     `json:"type"`
	Subject     string                     `json:"subject"`
	Time        time.Time                  `json:"time"`
	Data        map[string]json.RawMessage `json:"data"`
}

// line is what is printed of one.
type line struct {
	Type    string          `json:"type"`
	ID      string          `json:"id"`
	Subject string          `json:"subject"`
	Time    string          `json:"time"`
	Value   json.RawMessage `json:"value"`
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "go:", err)
		os.Exit(1)
	}
}

func run(said []string) error {
	if len(said) != 2 {
		return errors.New("say FOLDER FIELDS")
	}
	var fields map[string]string
	if err := read(said[1], &fields); err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(said[0], "*.json")) // sorted
	if err != nil {
		return err
	}
	out := json.NewEncoder(os.Stdout)
	for _, file := range files {
		var found event
		if err := read(file, &found); err != nil {
			return err
		}
		if found.SpecVersion != "1.0" || found.ID == "" || found.Source == "" || found.Time.IsZero() {
			return fmt.Errorf("%s is no CloudEvent 1.0: %+v", file, found)
		}
		if err := out.Encode(told(found, fields)); err != nil {
			return err
		}
	}
	return nil
}

func told(e event, fields map[string]string) line {
	noun := strings.Split(e.Type, ".")[1]
	at := e.Time.UTC().Format("2006-01-02T15:04:05.000Z07:00")
	return line{e.Type, e.ID, e.Subject, at, e.Data[fields[noun]]}
}

func read(file string, into any) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s can't be read: %w", file, err)
	}
	return nil
}
