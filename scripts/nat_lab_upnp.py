"""A router's UPnP (an Internet gateway device) for scripts/nat-lab.sh: nat_lab_upnp.py ADDRESS MANNER.

Manners: honest; lies (says that its address is another one); nonsense (answers with what is no XML); rejects (every
mapping); late (only after 20 seconds).
"""

import http.server
import re
import socket
import socketserver
import struct
import subprocess
import sys
import threading
import time

LAN = "192.168.1.1"
SERVICE = "urn:schemas-upnp-org:service:WANIPConnection:1"
DESCRIPTION = f"""<?xml version="1.0"?>
<root xmlns="urn:schemas-upnp-org:device-1-0"><specVersion><major>1</major><minor>0</minor></specVersion>
<device><deviceType>urn:schemas-upnp-org:device:InternetGatewayDevice:1</deviceType><friendlyName>lab</friendlyName>
<deviceList><device><deviceType>urn:schemas-upnp-org:device:WANDevice:1</deviceType>
<deviceList><device><deviceType>urn:schemas-upnp-org:device:WANConnectionDevice:1</deviceType>
<serviceList><service><serviceType>{SERVICE}</serviceType><serviceId>urn:upnp-org:serviceId:WANIPConn1</serviceId>
<controlURL>/control</controlURL><eventSubURL>/events</eventSubURL><SCPDURL>/scpd.xml</SCPDURL></service></serviceList>
</device></deviceList></device></deviceList></device></root>"""
SCPD = """<?xml version="1.0"?><scpd xmlns="urn:schemas-upnp-org:service-1-0"><actionList>
<action><name>GetExternalIPAddress</name><argumentList><argument><name>NewExternalIPAddress</name><direction>out</direction>
</argument></argumentList></action><action><name>AddPortMapping</name><argumentList>%s</argumentList></action>
<action><name>DeletePortMapping</name><argumentList><argument><name>NewRemoteHost</name><direction>in</direction></argument>
<argument><name>NewExternalPort</name><direction>in</direction></argument>
<argument><name>NewProtocol</name><direction>in</direction></argument></argumentList></action></actionList></scpd>""" % "".join(
    f"<argument><name>{name}</name><direction>in</direction></argument>"
    for name in ("NewRemoteHost", "NewExternalPort", "NewProtocol", "NewInternalPort", "NewInternalClient", "NewEnabled",
                 "NewPortMappingDescription", "NewLeaseDuration"))


class Control(http.server.BaseHTTPRequestHandler):
    address, manner = "", ""

    def answer(self, body, status=200):
        body = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.manner == "nonsense":
            return self.answer("<<<\x00 nothing of use " + "x" * 100_000)
        self.answer(SCPD if self.path == "/scpd.xml" else DESCRIPTION)

    def do_POST(self):
        body = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), 65_536)).decode()
        action = self.headers.get("SOAPAction", "").strip('"').rsplit("#", 1)[-1]
        field = lambda name: (re.search(f"<{name}[^>]*>([^<]*)<", body) or ["", ""])[1]
        if action == "GetExternalIPAddress":
            address = "8.8.8.8" if self.manner == "lies" else self.address
            return self.soap(action, f"<NewExternalIPAddress>{address}</NewExternalIPAddress>")
        if self.manner == "rejects":
            return self.answer("<fault/>", 500)
        if action in ("AddPortMapping", "AddAnyPortMapping"):
            protocol, port = field("NewProtocol").lower(), int(field("NewExternalPort"))
            to = f"{field('NewInternalClient')}:{int(field('NewInternalPort'))}"
            rule = f"add rule ip nat upnp iifname wan {protocol} dport {port} dnat to {to}\n"
            listed = subprocess.run(["nft", "list", "chain", "ip", "nat", "upnp"], capture_output=True, text=True).stdout
            if f"{protocol} dport {port} " not in listed:
                subprocess.run(["nft", "-f", "-"], input=rule, text=True, check=True)
            reserved = f"<NewReservedPort>{port}</NewReservedPort>" if action == "AddAnyPortMapping" else ""
            return self.soap(action, reserved)
        self.soap(action, "")

    def soap(self, action, inside):
        self.answer('<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
                    f'<u:{action}Response xmlns:u="{SERVICE}">{inside}</u:{action}Response></s:Body></s:Envelope>')

    def log_message(self, *_):
        pass


def main(address, manner):
    if manner == "late":
        print("up", flush=True)
        time.sleep(20)
    Control.address, Control.manner = address, manner
    server = socketserver.ThreadingTCPServer((LAN, 5000), Control)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    search = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    search.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    search.bind(("239.255.255.250", 1900))
    group = struct.pack("4s4s", socket.inet_aton("239.255.255.250"), socket.inet_aton(LAN))
    search.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group)
    back = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    print("up", flush=True)
    while True:
        asked, source = search.recvfrom(2048)
        if b"M-SEARCH" in asked and b"InternetGatewayDevice" in asked:
            answer = ("HTTP/1.1 200 OK\r\nST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\nUSN: uuid:lab\r\n"
                      f"LOCATION: http://{LAN}:5000/root.xml\r\nCACHE-CONTROL: max-age=120\r\n\r\n")
            back.sendto(answer.encode(), source)


if __name__ == "__main__":
    main(*sys.argv[1:3])
