# Sends the order's file as it is with Ruby's own Net::SMTP.
require "net/smtp"

order = ENV
context = OpenSSL::SSL::SSLContext.new
context.set_params(ca_file: order["ORDER_CA"])
smtp = Net::SMTP.new("127.0.0.1", order["ORDER_PORT"].to_i, tls: false, starttls: false)
smtp.enable_tls(context) if order["ORDER_TLS"] == "implicit"
smtp.enable_starttls(context) if order["ORDER_TLS"] == "starttls"
mechanism = order["ORDER_MECHANISM"].to_s
login = mechanism.empty? ? [] : [order["ORDER_USER"], order["ORDER_PASSWORD"], mechanism.downcase.to_sym]
smtp.start("device.test", *login) do |client|
  client.send_message(File.binread(order["ORDER_FILE"]), order["ORDER_FROM"], order["ORDER_TO"])
end
