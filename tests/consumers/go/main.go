// Says that an asset changed and waits for the alert that follows, knowing docs/contract and nothing else of everfresh.
//
//	consumer BROKER PREFIX SOURCE ASSET SECONDS
//
// publishes a change of SOURCE and waits for the alert about ASSET, which reads it, to open and to be resolved.
package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/segmentio/kafka-go"
)

const contentType = "application/cloudevents+json"

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "go:", err)
		os.Exit(1)
	}
}

func run(said []string) error {
	if len(said) != 5 {
		return errors.New("say BROKER PREFIX SOURCE ASSET SECONDS")
	}
	patience, err := time.ParseDuration(said[4] + "s")
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return follow(ctx, said[0], said[1], said[2], said[3])
}

// follow publishes the change, then reads alerts until the one about the asset has opened and is over.
func follow(ctx context.Context, broker, prefix, source, asset string) error {
	alerts := kafka.NewReader(kafka.ReaderConfig{
		Brokers:     []string{broker},
		GroupID:     prefix + "go-" + token(),
		Topic:       prefix + "alerts.v1",
		StartOffset: kafka.FirstOffset,
		MaxWait:     200 * time.Millisecond,
	})
	defer alerts.Close()
	if err := publish(ctx, broker, prefix, source); err != nil {
		return fmt.Errorf("the change of %s can't be published: %w", source, err)
	}
	seen := newSeen()
	opened, err := next(ctx, alerts, seen, asset, "everfresh.alert.opened.v1")
	if err != nil {
		return err
	}
	fmt.Println("opened", opened.Data.Fingerprint)
	resolved, err := next(ctx, alerts, seen, asset, "everfresh.alert.resolved.v1")
	if err != nil {
		return err
	}
	fmt.Println("resolved", resolved.Data.Fingerprint)
	return sameEpisode(opened, resolved)
}

// publish says that the source changed; the broker has it when this returns.
func publish(ctx context.Context, broker, prefix, source string) error {
	writer := &kafka.Writer{
		Addr:         kafka.TCP(broker),
		Topic:        prefix + "changes.v1",
		Balancer:     kafka.Murmur2Balancer{}, // the partition that other clients choose for the same key
		RequiredAcks: kafka.RequireAll,
		BatchTimeout: 10 * time.Millisecond,
	}
	defer writer.Close()
	value, err := json.Marshal(map[string]any{
		"specversion": "1.0",
		"id":          token(),
		"source":      "consumers/go",
		"type":        "everfresh.asset.changed.v1",
		"subject":     source,
		"data":        map[string]any{"version": "1"},
	})
	if err != nil {
		return err
	}
	return writer.WriteMessages(ctx, kafka.Message{
		Key:     []byte(source),
		Value:   value,
		Headers: []kafka.Header{{Key: "content-type", Value: []byte(contentType)}},
	})
}

// next reads on until an event of this type about the asset comes that is new and as the contract says.
func next(ctx context.Context, alerts *kafka.Reader, seen *seen, asset, kind string) (event, error) {
	for {
		message, err := alerts.ReadMessage(ctx)
		if err != nil {
			return event{}, fmt.Errorf("no %s about %s came: %w", kind, asset, err)
		}
		found, err := read(message)
		if err != nil {
			return event{}, err
		}
		if found.Subject == asset && found.Type == kind && seen.isNew(found, string(message.Key)) {
			return found, found.check(string(message.Key), asset)
		}
	}
}

func token() string {
	bytes := make([]byte, 8)
	_, _ = rand.Read(bytes) // never fails
	return hex.EncodeToString(bytes)
}
