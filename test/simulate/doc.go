// Package simulate is a test of the method: users with a known click model search through the real proxy and a real engine, click,
// and eval/ab has to find in the records what the model says is true.
//
// Every impression went through the proxy once. Experiments of any size are then drawn from the recorded users, with
// replacement, and analysed by eval/ab as `resift ab report` does: how often it sees a difference where there is none, how often
// its intervals hold the difference that there is, and how many impressions it needs to see it.
package simulate
