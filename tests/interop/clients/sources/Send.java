import jakarta.mail.Message;
import jakarta.mail.Session;
import jakarta.mail.Transport;
import jakarta.mail.internet.InternetAddress;
import jakarta.mail.internet.MimeBodyPart;
import jakarta.mail.internet.MimeMessage;
import jakarta.mail.internet.MimeMultipart;
import java.io.File;
import java.io.FileInputStream;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.Properties;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/** Makes a message of the order's parts and sends it. */
public class Send {
    public static void main(String[] arguments) throws Exception {
        String tls = order("TLS"), mechanism = order("MECHANISM");
        Properties settings = new Properties();
        settings.put("mail.smtp.host", "localhost");
        settings.put("mail.smtp.port", order("PORT"));
        settings.put("mail.smtp.localhost", "device.test");
        settings.put("mail.smtp.from", order("FROM"));
        settings.put("mail.smtp.timeout", "20000");
        if (!tls.isEmpty()) {
            settings.put(tls.equals("implicit") ? "mail.smtp.ssl.enable" : "mail.smtp.starttls.required", "true");
            settings.put("mail.smtp.ssl.checkserveridentity", "true");
            settings.put("mail.smtp.ssl.socketFactory", trust(order("CA")).getSocketFactory());
        }
        if (!mechanism.isEmpty()) {
            settings.put("mail.smtp.auth", "true");
            settings.put("mail.smtp.auth.mechanisms", mechanism);
        }
        Session session = Session.getInstance(settings);
        MimeBodyPart text = new MimeBodyPart(), attachment = new MimeBodyPart();
        text.setText(order("TEXT"), "utf-8");
        attachment.attachFile(new File(order("ATTACHMENT")), "application/octet-stream", "base64");
        MimeMessage message = new MimeMessage(session);
        message.setFrom(new InternetAddress(order("FROM")));
        message.setRecipient(Message.RecipientType.TO, new InternetAddress(order("TO")));
        message.setSubject(order("SUBJECT"), "utf-8");
        message.setContent(new MimeMultipart(text, attachment));
        if (mechanism.isEmpty()) {
            Transport.send(message);
        } else {
            Transport.send(message, order("USER"), order("PASSWORD"));
        }
    }

    private static String order(String name) {
        return System.getenv("ORDER_" + name);
    }

    private static SSLContext trust(String file) throws Exception {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        try (FileInputStream octets = new FileInputStream(file)) {
            store.setCertificateEntry("ca", CertificateFactory.getInstance("X.509").generateCertificate(octets));
        }
        TrustManagerFactory factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        factory.init(store);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, factory.getTrustManagers(), null);
        return context;
    }
}
