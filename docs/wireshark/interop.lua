-- A dissector for the framings of docs/protocol.md: shows the messages that a TCP stream or a UDP datagram carries.
--
-- Captures that `interop --capture` has written say themselves what is spoken on them, and need no setting. In any
-- other, choose the framing and the ports in the preferences of the protocol, or use "Decode As". See README.md.

local interop = Proto("interop", "Framed messages")

-- What is shown ----------------------------------------------------------------------------------

local COMMANDS = { [1] = "INFORM", [2] = "REQUEST", [3] = "PARAM", [4] = "EXIT" }

local f = interop.fields
f.length = ProtoField.uint64("interop.length", "Length", base.DEC, nil, nil, "As the header says it")
f.digits = ProtoField.string("interop.digits", "Length", base.ASCII, "As the header says it, in ASCII digits")
f.command = ProtoField.uint32("interop.command", "Command", base.DEC, COMMANDS)
f.reply = ProtoField.uint32("interop.reply", "Reply wanted", base.DEC)
f.size = ProtoField.uint32("interop.size", "Size", base.DEC, nil, nil, "How many bytes the message has")
f.message = ProtoField.bytes("interop.message", "Message", base.NONE)
f.padding = ProtoField.bytes("interop.padding", "Padding", base.NONE, "What is taken off on receipt")
f.rest = ProtoField.bytes("interop.rest", "Behind an error", base.NONE, "Nothing behind an error is looked at")

local refused = ProtoExpert.new(
  "interop.refused", "The stream cannot be parted into frames from here on",
  expert.group.MALFORMED, expert.severity.ERROR)
interop.experts = { refused }

-- Framings ---------------------------------------------------------------------------------------
--
-- Each is a function of a buffer, an offset in it at which at least one byte stands, and the limit. It returns one of
--   { len = , from = , to = , ... }   a frame of so many bytes, whose message stands at these offsets of it
--   { more = }                        so many bytes are missing, or an unknown number: ONE_MORE
--   { error = }                       no frame begins like this

local ONE_MORE = DESEGMENT_ONE_MORE_SEGMENT
-- Wireshark has a name for it in C alone.
local UNTIL_FIN = 0x0ffffffe

local function too_long(length, limit)
  return { error = string.format("a length of %.0f, where %d is the limit", length, limit) }
end

-- A frame of so many bytes, if all of them are there.
local function whole(buffer, offset, frame)
  local missing = frame.len - (buffer:len() - offset)
  if missing > 0 then return { more = missing } end
  return frame
end

local function number(range, little)
  if range:len() == 8 then
    return (little and range:le_uint64() or range:uint64()):tonumber()
  end
  return little and range:le_uint() or range:uint()
end

local function prefix(width, little, counted)
  return function(buffer, offset, limit)
    if buffer:len() - offset < width then return { more = ONE_MORE } end
    local header = buffer(offset, width)
    local length = number(header, little)
    local body = counted and length - width or length
    if body < 0 then
      return { error = string.format("a length of %d, which is less than its own %d bytes", length, width) }
    end
    if body > limit then return too_long(body, limit) end
    return whole(buffer, offset, {
      len = width + body, from = width, to = width + body,
      header = function(tree)
        if little then tree:add_le(f.length, header) else tree:add(f.length, header) end
      end,
    })
  end
end

local function ascii4(buffer, offset, limit)
  local there = math.min(4, buffer:len() - offset)
  local digits = buffer:raw(offset, there)
  local wrong = digits:find("%D")
  if wrong then
    return { error = string.format("byte %d of a length is 0x%02x, no digit", wrong - 1, digits:byte(wrong)) }
  end
  if there < 4 then return { more = ONE_MORE } end
  local body = tonumber(digits)
  if body > limit then return too_long(body, limit) end
  return whole(buffer, offset, {
    len = 4 + body, from = 4, to = 4 + body,
    header = function(tree) tree:add(f.digits, buffer(offset, 4)) end,
  })
end

-- ASCII's white space, as Lua's %s has it in the locale of C.
local function line(buffer, offset, limit)
  local there = buffer:raw(offset, math.min(buffer:len() - offset, limit + 1))
  local last = there:find("\n", 1, true)
  if not last then
    if #there > limit then return too_long(#there, limit) end
    return { more = ONE_MORE }
  end
  local first, final = there:sub(1, last):match("^%s*()%S.-()%s*$")
  if not first then return { len = last, from = 0, to = 0, blank = true } end
  return { len = last, from = first - 1, to = final - 1 }
end

local function fixed_1024(buffer, offset, limit)
  local frame = whole(buffer, offset, { len = 1024, from = 0 })
  if frame.len then
    frame.to = #buffer:raw(offset, 1024):match("^(.-)%z*$")
    if frame.to > limit then return too_long(frame.to, limit) end
  end
  return frame
end

local function mnet(little)
  return function(buffer, offset, limit)
    if buffer:len() - offset < 4 then return { more = ONE_MORE } end
    local header = buffer(offset, 4)
    local size = number(header, little)
    if size > limit then return too_long(size, limit) end
    return whole(buffer, offset, {
      len = 12 + size, from = 4, to = 12 + size,
      header = function(tree)
        local add = function(field, range)
          if little then tree:add_le(field, range) else tree:add(field, range) end
        end
        add(f.length, header)
        add(f.command, buffer(offset + 4, 4))
        add(f.reply, buffer(offset + 8, 4))
      end,
    })
  end
end

local function everything(buffer, offset)
  local len = buffer:len() - offset
  return { len = len, from = 0, to = len }
end

local FRAMINGS = {
  ["u8"] = prefix(1), ["u8-counted"] = prefix(1, false, true),
  ["u16be"] = prefix(2), ["u16be-counted"] = prefix(2, false, true),
  ["u16le"] = prefix(2, true), ["u16le-counted"] = prefix(2, true, true),
  ["u32be"] = prefix(4), ["u32be-counted"] = prefix(4, false, true),
  ["u32le"] = prefix(4, true), ["u32le-counted"] = prefix(4, true, true),
  ["u64be"] = prefix(8), ["u64be-counted"] = prefix(8, false, true),
  ["u64le"] = prefix(8, true), ["u64le-counted"] = prefix(8, true, true),
  ["line"] = line, ["fixed-1024"] = fixed_1024, ["ascii4"] = ascii4,
  ["mnet"] = mnet(false), ["mnet-le"] = mnet(true),
  ["raw"] = everything, ["datagram"] = everything,
}

-- Preferences ------------------------------------------------------------------------------------

-- The order in which they are offered. The first is no framing: it asks the capture.
local NAMES = {
  "auto", "u32be", "u8", "u16be", "u16le", "u32le", "u64be", "u64le", "u8-counted", "u16be-counted", "u16le-counted",
  "u32be-counted", "u32le-counted", "u64be-counted", "u64le-counted", "line", "fixed-1024", "ascii4", "mnet", "mnet-le",
  "raw", "datagram",
}
local offered, known = {}, {}
for index, name in ipairs(NAMES) do
  offered[index] = { index, name, index }
  known[name] = true
end
for name in pairs(FRAMINGS) do assert(known[name], name .. " is not offered") end

interop.prefs.framing = Pref.enum(
  "Framing", 1, "How messages are laid on the stream; auto: as the capture says, or else u32be", offered, false)
interop.prefs.ports = Pref.range("Ports", "", "TCP and UDP ports on which it is spoken, as in 9000,9100-9110", 65535)
interop.prefs.limit = Pref.uint(
  "Limit", 16 * 1024 * 1024, "The longest message that is believed, in bytes: a greater length is an error")

local ports = ""

function interop.prefs_changed()
  if ports == interop.prefs.ports then return end
  for _, transport in ipairs({ "tcp.port", "udp.port" }) do
    local table = DissectorTable.get(transport)
    if ports ~= "" then table:remove(ports, interop) end
    if interop.prefs.ports ~= "" then table:add(interop.prefs.ports, interop) end
  end
  ports = interop.prefs.ports
end

-- What a capture of interop says of each of its interfaces: "..., in u32be/echo".
local description = Field.new("frame.interface_description")

local function said()
  local text = description()
  return text and tostring(text.value):match(", in ([%w-]+)/[%w-]+$")
end

local function framing()
  local name = NAMES[interop.prefs.framing]
  if name == "auto" then name = said() or "u32be" end
  return name, FRAMINGS[name]
end

-- Dissection -------------------------------------------------------------------------------------

local stream_of = Field.new("tcp.stream")

-- Of each direction of a connection, the packet in which it went wrong.
local broken = {}

function interop.init()
  broken = {}
end

local function direction(pinfo)
  local stream = stream_of()
  return stream and string.format("%s %s", stream.value, pinfo.src_port)
end

local function preview(range)
  local text = range:raw(0, math.min(range:len(), 40)):gsub("[^\32-\126]", ".")
  return range:len() > 40 and text .. ".." or text
end

local function plural(count, word)
  return string.format("%d %s%s", count, word, count == 1 and "" or "s")
end

local function show(buffer, offset, frame, tree)
  local size = frame.to - frame.from
  local title = frame.blank and "Blank line" or "Message, " .. plural(size, "byte")
  local item = tree:add(interop, buffer(offset, frame.len), title)
  if frame.header then frame.header(item) end
  if frame.blank then return end
  item:add(f.size, buffer(offset, frame.len), size):set_generated()
  if size > 0 then
    item:add(f.message, buffer(offset + frame.from, size))
    item:append_text(": " .. preview(buffer(offset + frame.from, size)))
  end
  local padding = frame.len - frame.to
  if padding > 0 then item:add(f.padding, buffer(offset + frame.to, padding)) end
end

local function dissect(buffer, pinfo, tree, is_last)
  -- What was not captured whole cannot be put together.
  if buffer:reported_len() > buffer:len() then return 0 end
  local name, parse = framing()
  local on_stream = pinfo.port_type == 2
  local way = on_stream and direction(pinfo)
  pinfo.cols.protocol = "interop"
  if way and broken[way] and broken[way] < pinfo.number then
    tree:add(interop, buffer(), "Behind an error"):add(f.rest, buffer())
    pinfo.cols.info = string.format("%s: behind an error", name)
    return buffer:len()
  end
  if on_stream and name == "raw" and not is_last then
    pinfo.desegment_offset = 0
    pinfo.desegment_len = UNTIL_FIN
    return buffer:len()
  end
  local offset, messages, bytes, last = 0, 0, 0, nil
  -- A datagram may be empty, and is a message all the same.
  local is_datagram = name == "datagram" or not on_stream
  repeat
    if buffer:len() == 0 and not is_datagram then break end
    local frame = parse(buffer, offset, interop.prefs.limit)
    if frame.more then
      pinfo.desegment_offset = offset
      pinfo.desegment_len = frame.more
      break
    end
    if frame.error then
      local item = tree:add(interop, buffer(offset), "Behind an error")
      item:add(f.rest, buffer(offset))
      item:add_proto_expert_info(refused, frame.error)
      pinfo.cols.info = string.format("%s: %s", name, frame.error)
      if way and not pinfo.visited then broken[way] = pinfo.number end
      return buffer:len()
    end
    show(buffer, offset, frame, tree)
    if not frame.blank then
      messages, bytes = messages + 1, bytes + frame.to - frame.from
      last = frame.to > frame.from and buffer(offset + frame.from, frame.to - frame.from) or nil
    end
    offset = offset + frame.len
  until offset >= buffer:len()
  if messages == 1 then
    pinfo.cols.info = string.format("%s: %s%s", name, plural(bytes, "byte"), last and ": " .. preview(last) or "")
  elseif messages > 1 then
    pinfo.cols.info = string.format("%s: %s, %s", name, plural(messages, "message"), plural(bytes, "byte"))
  end
  return buffer:len()
end

function interop.dissector(buffer, pinfo, tree)
  -- Where no more can be waited for, it is the end of the stream.
  return dissect(buffer, pinfo, tree, pinfo.can_desegment == 0)
end

-- A capture that says what is spoken on it needs no port.
local function heuristic(buffer, pinfo, tree)
  if not FRAMINGS[said() or ""] then return false end
  pinfo.conversation = interop
  dissect(buffer, pinfo, tree, false)
  return true
end

interop:register_heuristic("tcp", heuristic)
interop:register_heuristic("udp", heuristic)
DissectorTable.get("tcp.port"):add_for_decode_as(interop)
DissectorTable.get("udp.port"):add_for_decode_as(interop)
