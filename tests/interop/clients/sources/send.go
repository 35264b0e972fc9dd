// Sends the order's file as it is with net/smtp.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"log"
	"net/smtp"
	"os"
)

// login is AUTH LOGIN, which net/smtp leaves to its users.
type login struct{ user, password string }

func (l login) Start(*smtp.ServerInfo) (string, []byte, error) { return "LOGIN", nil, nil }

func (l login) Next(prompt []byte, more bool) ([]byte, error) {
	switch {
	case !more:
		return nil, nil
	case string(prompt) == "Username:":
		return []byte(l.user), nil
	case string(prompt) == "Password:":
		return []byte(l.password), nil
	}
	log.Fatalf("unknown prompt %q", prompt)
	return nil, nil
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func connect(address string, trust *tls.Config) *smtp.Client {
	if os.Getenv("ORDER_TLS") == "implicit" {
		connection, err := tls.Dial("tcp", address, trust)
		must(err)
		client, err := smtp.NewClient(connection, "127.0.0.1")
		must(err)
		return client
	}
	client, err := smtp.Dial(address)
	must(err)
	return client
}

func main() {
	roots := x509.NewCertPool()
	pem, err := os.ReadFile(os.Getenv("ORDER_CA"))
	if err == nil {
		roots.AppendCertsFromPEM(pem)
	}
	trust := &tls.Config{RootCAs: roots, ServerName: "127.0.0.1"}
	client := connect("127.0.0.1:"+os.Getenv("ORDER_PORT"), trust)
	must(client.Hello("device.test"))
	if os.Getenv("ORDER_TLS") == "starttls" {
		must(client.StartTLS(trust))
	}
	user, password := os.Getenv("ORDER_USER"), os.Getenv("ORDER_PASSWORD")
	switch os.Getenv("ORDER_MECHANISM") {
	case "PLAIN":
		must(client.Auth(smtp.PlainAuth("", user, password, "127.0.0.1")))
	case "LOGIN":
		must(client.Auth(login{user, password}))
	}
	must(client.Mail(os.Getenv("ORDER_FROM")))
	must(client.Rcpt(os.Getenv("ORDER_TO")))
	content, err := os.ReadFile(os.Getenv("ORDER_FILE"))
	must(err)
	data, err := client.Data()
	must(err)
	_, err = data.Write(content)
	must(err)
	must(data.Close())
	must(client.Quit())
}
