// Read messages as the chats do: [{chat, text}, ...] from standard input becomes
// a list of trees on standard output, where a node is a text or [type, ...nodes].
"use strict";

const mattermost = require("@mattermost/commonmark");
const rocketchat = require("@rocket.chat/message-parser");
const discord = require("discord-markdown-parser");

const list = (value) => (Array.isArray(value) ? value : value == null ? [] : [value]);

function ofDiscord(node) {
  if (typeof node === "string") return node;
  if (node.type === "text") return node.content;
  if (node.type === "twemoji") return node.name;
  const target = node.target ? [["target", node.target]] : [];
  return [node.type, ...target, ...list(node.content).map(ofDiscord)];
}

function ofRocketChat(node) {
  if (typeof node === "string") return node;
  if (node.type === "PLAIN_TEXT" || node.type === "CODE_LINE") return ofRocketChat(node.value ?? "");
  if (node.type === "LINK") {
    return ["link", ["target", node.value.src.value], ...list(node.value.label).map(ofRocketChat)];
  }
  if (node.type === "CODE") return ["code_block", node.value.map(ofRocketChat).join("\n")];
  if (node.type === "EMOJI" && node.unicode) return node.unicode;
  return [node.type.toLowerCase(), ...list(node.value ?? node.shortCode).map(ofRocketChat)];
}

function ofMattermost(node) {
  if (node.type === "text" || node.type === "softbreak") return node.literal ?? "\n";
  const target = node.destination ? [["target", node.destination]] : [];
  const nodes = [];
  for (let child = node.firstChild; child; child = child.next) nodes.push(ofMattermost(child));
  return [node.type, ...target, ...list(node.literal || node.mentionName || node.emojiName), ...nodes];
}

// As the mobile app calls it, with the server's default settings.
const SCHEMES = ["http", "https", "ftp", "mailto", "tel", "mattermost"];
const scheme = (url) => /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1].toLowerCase();
const urlFilter = (url) => scheme(url) === undefined || SCHEMES.includes(scheme(url));

const READ = {
  discord: (text) => discord.parse(text, "extended").map(ofDiscord),
  mattermost: (text) => [ofMattermost(new mattermost.Parser({ urlFilter, minimumHashtagLength: 3 }).parse(text))],
  rocketchat: (text) => rocketchat.parse(text).map(ofRocketChat),
};

const messages = JSON.parse(require("fs").readFileSync(0, "utf-8"));
process.stdout.write(JSON.stringify(messages.map(({ chat, text }) => READ[chat](text))));
