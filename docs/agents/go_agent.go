// A whole agent in Go, with nothing but the standard library: register, ask for work, do it, report.
//
// Start it with TOCSIN_URL=http://127.0.0.1:8080 TOCSIN_KEY=<agent key> go run go_agent.go
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"time"
)

var (
	base   = os.Getenv("TOCSIN_URL")
	key    = os.Getenv("TOCSIN_KEY")
	client = http.Client{Timeout: time.Minute} // longer than an empty queue is waited for
)

// object is JSON whose keys are few enough to be looked at one by one.
type object = map[string]any

// item is one execution, as the queue hands it out.
type item struct {
	ExecutionID string   `json:"execution_id"`
	JobID       string   `json:"job_id"`
	CallbackURL string   `json:"callback_url"`
	TimeoutSecs *float64 `json:"timeout_secs"`
	Task        struct {
		Type          string `json:"type"`
		AgentTaskType string `json:"agent_task_type"`
		Data          object `json:"data"`
	} `json:"task"`
}

// tasks are what this agent can do. What a function writes is the output; its error is the failure.
var tasks = map[string]func(ctx context.Context, data object, output io.Writer) error{
	"greet": func(_ context.Context, data object, output io.Writer) error {
		who, ok := data["who"].(string)
		if !ok {
			who = "you"
		}
		_, err := fmt.Fprintln(output, "hello", who)
		return err
	},
	"nap": func(ctx context.Context, data object, _ io.Writer) error {
		secs, ok := data["secs"].(float64)
		if !ok {
			return errors.New("the field 'secs' must be a number")
		}
		select {
		case <-time.After(time.Duration(secs * float64(time.Second))):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	},
}

func main() {
	if base == "" || key == "" {
		log.Fatal("set TOCSIN_URL and TOCSIN_KEY")
	}
	var me struct {
		AgentID               string  `json:"agent_id"`
		HeartbeatIntervalSecs float64 `json:"heartbeat_interval_secs"`
	}
	must(call("POST", base+"/api/agents/register", object{
		"name": "go-example", "agent_type": "custom", "tags": []string{"demo"},
		"hostname": "here", "address": "", "port": 0,
		"custom_task_types": []object{
			{"name": "greet", "description": "Says hello.", "fields": []object{
				{"name": "who", "label": "Whom", "field_type": "text"}}},
			{"name": "nap", "description": "Sleeps.", "fields": []object{
				{"name": "secs", "field_type": "number", "required": true}}},
		},
	}, &me))

	// Signs of life beside long work.
	go func() {
		for range time.Tick(time.Duration(me.HeartbeatIntervalSecs * float64(time.Second))) {
			if err := call("POST", base+"/api/agents/"+me.AgentID+"/heartbeat", object{}, nil); err != nil {
				log.Print(err)
			}
		}
	}()

	for {
		var next item
		must(call("GET", base+"/api/agent-queue/"+me.AgentID+"/next?wait=30", nil, &next))
		if next.ExecutionID == "" {
			continue // nothing to do yet
		}
		result := run(next)
		result["execution_id"], result["job_id"], result["agent_id"] = next.ExecutionID, next.JobID, me.AgentID
		if err := call("POST", next.CallbackURL, result, nil); err != nil {
			log.Print(err)
		}
	}
}

// run does one execution, within its time.
func run(next item) object {
	ctx := context.Background()
	if next.TimeoutSecs != nil {
		limited, cancel := context.WithTimeout(ctx, time.Duration(*next.TimeoutSecs*float64(time.Second)))
		defer cancel()
		ctx = limited
	}
	var output bytes.Buffer
	err := fmt.Errorf("this agent has no tasks of type '%s'", next.Task.AgentTaskType)
	if work, ok := tasks[next.Task.AgentTaskType]; ok {
		err = work(ctx, next.Task.Data, &output)
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return object{"status": "timed_out", "stdout": output.String(), "stderr": ""}
	case err != nil:
		return object{"status": "failed", "exit_code": 1, "stdout": output.String(), "stderr": err.Error() + "\n"}
	}
	return object{"status": "succeeded", "exit_code": 0, "stdout": output.String(), "stderr": ""}
}

// call sends JSON and reads the answer. Late is better than lost: what may pass is tried again, for ever.
func call(method, url string, body, answer any) error {
	data, err := json.Marshal(body)
	if err != nil {
		return err
	}
	for ; ; time.Sleep(2 * time.Second) {
		request, err := http.NewRequest(method, url, bytes.NewReader(data))
		if err != nil {
			return err
		}
		request.Header.Set("Authorization", "Bearer "+key)
		request.Header.Set("Content-Type", "application/json")
		response, err := client.Do(request)
		if err != nil {
			continue
		}
		text, err := io.ReadAll(response.Body)
		response.Body.Close()
		switch {
		case err != nil, response.StatusCode == http.StatusTooManyRequests, response.StatusCode >= 500:
			continue
		case response.StatusCode >= 400:
			return fmt.Errorf("%s %s was refused (%d): %s", method, url, response.StatusCode, text)
		case answer == nil, response.StatusCode == http.StatusNoContent:
			return nil
		}
		return json.Unmarshal(text, answer)
	}
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
