// Package delivery gathers records until a buffer is full or old, then commits them as objects to the lake. A record
// that was acknowledged is in the lake exactly once, after any crash.
//
// Records come from two sides: those that are put into a stream lie in its own durable queue; those of a log subscription
// are pulled from the log group by a durable cursor and are written nowhere in between. A batch is planned durably before its
// first byte (number, where it begins, settings); its Writer makes objects that nobody sees; where it ends and what became of its
// rows is sealed; then lake.Commit publishes the objects together with the receipt (stream, number), which is the one commit point.
// After it the cursors move, and the queue's range goes, in one write, which a crash only delays: it follows from receipt and seal.
//
// A batch is written as the stream's role, which its service assumes for each attempt, and has a subscription's events only while
// that one's role lets CloudWatch Logs put them: a permission that is missing is waited for, and the stream says which it is. It knows nothing of HTTP, of AWS's shapes, and of what is in a record.
package delivery
