# Makes a message of the order's parts and sends it with the mail library.
require "mail"

order = ENV
mechanism = order["ORDER_MECHANISM"].to_s
settings = {
  address: "127.0.0.1", port: order["ORDER_PORT"].to_i, domain: "device.test",
  ca_file: order["ORDER_CA"], openssl_verify_mode: "peer", tls: order["ORDER_TLS"] == "implicit",
  enable_starttls: order["ORDER_TLS"] == "starttls", enable_starttls_auto: false
}
unless mechanism.empty?
  settings.merge!(user_name: order["ORDER_USER"], password: order["ORDER_PASSWORD"], authentication: mechanism.downcase)
end
message = Mail.new(charset: "UTF-8") do
  from order["ORDER_FROM"]
  to order["ORDER_TO"]
  subject order["ORDER_SUBJECT"]
  body order["ORDER_TEXT"].dup.force_encoding("UTF-8")
  add_file filename: "scan.pdf", content: File.binread(order["ORDER_ATTACHMENT"])
end
message.delivery_method :smtp, settings
message.deliver!
