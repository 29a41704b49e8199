package main

import (
	"fmt"

	"github.com/resift/resift/configs"
)

// check validates a configuration and prints what is in effect.
func (p *program) check(args []string) error {
	f := p.flags("check", "check --config FILE")
	file := f.String("config", "", "configuration `file`")
	if _, err := parse(f, args, 0); err != nil {
		return err
	}
	c, err := p.load(*file)
	if err != nil {
		return err
	}
	return c.Print(p.stdout)
}

// load reads the configuration file, or says how to name one.
func (p *program) load(file string) (*configs.Config, error) {
	if file == "" {
		return nil, fmt.Errorf("--config is missing: the configuration file (configs/reference.yaml shows every key)")
	}
	c, err := configs.Load(file, p.env)
	if problems, ok := err.(configs.Problems); ok {
		return nil, fmt.Errorf("%s has %d problem(s):\n%w", file, len(problems), problems)
	}
	return c, err
}
