package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"
)

// event is a CloudEvent about an alert, as far as this program looks at it.
type event struct {
	SpecVersion string    `json:"specversion"`
	ID          string    `json:"id"`
	Source      string    `json:"source"`
	Type        string    `json:"type"`
	Subject     string    `json:"subject"`
	Time        time.Time `json:"time"`
	Sequence    string    `json:"sequence"`
	Data        struct {
		Fingerprint string    `json:"fingerprint"`
		Episode     int       `json:"episode"`
		Sequence    int       `json:"sequence"`
		Rule        string    `json:"rule"`
		Severity    string    `json:"severity"`
		Asset       string    `json:"asset"`
		Summary     string    `json:"summary"`
		Since       time.Time `json:"since"`
	} `json:"data"`
}

// read decodes a message, which must be structured JSON.
func read(message kafka.Message) (event, error) {
	var found event
	isHeader := func(one kafka.Header) bool { return one.Key == "content-type" && string(one.Value) == contentType }
	if !slices.ContainsFunc(message.Headers, isHeader) {
		return found, fmt.Errorf("an event at offset %d isn't said to be %s", message.Offset, contentType)
	}
	if err := json.Unmarshal(message.Value, &found); err != nil {
		return found, fmt.Errorf("the event at offset %d can't be read: %w", message.Offset, err)
	}
	return found, nil
}

// check compares what holds for each alert of a run that failed for good.
func (e event) check(key, asset string) error {
	domain, _, _ := strings.Cut(asset, "/")
	for _, one := range []struct{ name, got, want string }{
		{"specversion", e.SpecVersion, "1.0"},
		{"source", e.Source, "everfresh/" + domain},
		{"key", key, e.Data.Fingerprint},
		{"data.asset", e.Data.Asset, asset},
		{"data.rule", e.Data.Rule, "run.failing"},
		{"data.severity", e.Data.Severity, "error"},
	} {
		if one.got != one.want || one.got == "" {
			return fmt.Errorf("%s of %s is %q, not %q", one.name, e.Type, one.got, one.want)
		}
	}
	if e.Data.Summary == "" || e.Data.Episode < 1 || e.Time.Before(e.Data.Since) {
		return fmt.Errorf("%s has no summary, no episode, or came before what it tells: %+v", e.Type, e)
	}
	return nil
}

// sameEpisode compares the two ends of one alert.
func sameEpisode(opened, resolved event) error {
	before, after := opened.Data, resolved.Data
	if before.Fingerprint != after.Fingerprint || before.Episode != after.Episode {
		return fmt.Errorf("another alert was resolved than opened: %+v, %+v", before, after)
	}
	if after.Sequence <= before.Sequence || resolved.Sequence <= opened.Sequence {
		return fmt.Errorf("the sequences don't grow: %+v, %+v", opened, resolved)
	}
	if opened.ID == resolved.ID || opened.ID == "" || resolved.ID == "" {
		return fmt.Errorf("two events have the one id %q", opened.ID)
	}
	return nil
}

// seen drops what came already: an id that is known, a sequence not above the key's last.
type seen struct {
	ids  map[string]bool
	last map[string]string
}

func newSeen() *seen {
	return &seen{map[string]bool{}, map[string]string{}}
}

func (s *seen) isNew(e event, key string) bool {
	if s.ids[e.ID] || e.Sequence <= s.last[key] {
		return false
	}
	s.ids[e.ID], s.last[key] = true, e.Sequence
	return true
}
