// An echo server of length-prefixed messages as Go programs are written: a goroutine for each connection, which reads
// through a buffer, and writes through another that is flushed when nothing more has come.
package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"log"
	"net"
	"os"
)

// Bytes. A longer message ends its connection.
const largest = 16 << 20

// Bytes. Room for what comes at once.
const buffer = 64 << 10

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening on", listener.Addr())
	for {
		connection, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go func() {
			defer connection.Close()
			// However it ended: it was this connection's end, and no other's.
			_ = serve(connection)
		}()
	}
}

func serve(connection net.Conn) error {
	reader := bufio.NewReaderSize(connection, buffer)
	writer := bufio.NewWriterSize(connection, buffer)
	var header [4]byte
	var body []byte
	for {
		if _, err := io.ReadFull(reader, header[:]); err != nil {
			return err
		}
		length := binary.BigEndian.Uint32(header[:])
		if length > largest {
			return fmt.Errorf("a message of %d bytes", length)
		}
		if int(length) > cap(body) {
			body = make([]byte, length)
		}
		body = body[:length]
		if _, err := io.ReadFull(reader, body); err != nil {
			return err
		}
		if _, err := writer.Write(header[:]); err != nil {
			return err
		}
		if _, err := writer.Write(body); err != nil {
			return err
		}
		if reader.Buffered() == 0 {
			if err := writer.Flush(); err != nil {
				return err
			}
		}
	}
}
