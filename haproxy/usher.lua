-- usher inside HAProxy: what has to happen where the client's connection is.
--
--   lua-load-per-thread /etc/haproxy/usher.lua
--
-- Nothing here waits, reads a file or keeps state but for one cache of server names.

-- Refusals -----------------------------------------------------------------------------------

-- CONNACK with `code` in the client's own version (MQTT 3.1.1, 3.2; MQTT 5, 3.2): a 3.x client
-- cannot read the longer packet of version 5, nor the other way round.
local function connack(level, code)
    if tonumber(level) == 5 then
        return string.char(0x20, 3, 0, code, 0)
    end
    return string.char(0x20, 2, 0, code)
end

-- The two codes of one reason: for 3.x and for 5.0.
local function either(level, code3, code5)
    return tonumber(level) == 5 and code5 or code3
end

-- tcp-request content use-service lua.usher_refuse if { var(txn.usher.action) -m str reject }
-- usher's own refusal; the code is already the right one for the client's version.
core.register_service("usher_refuse", "tcp", function(applet)
    local level = applet:get_var("txn.mqtt_level")
    local code = tonumber(applet:get_var("txn.usher.code")) or either(level, 5, 0x87)
    applet:send(connack(level, code))
end)

-- A closed frontend without a verdict: Server unavailable.
core.register_service("usher_unavailable", "tcp", function(applet)
    local level = applet:get_var("txn.mqtt_level")
    applet:send(connack(level, either(level, 3, 0x88)))
end)

-- A tenant with as many connections as it may have: Quota exceeded.
core.register_service("usher_over_quota", "tcp", function(applet)
    local level = applet:get_var("txn.mqtt_level")
    applet:send(connack(level, either(level, 3, 0x97)))
end)

-- The ranking while no agent answers ----------------------------------------------------------

-- Rendezvous hashing, the very numbers of usher's `rendezvous`: the server with the highest
-- mix64(fnv1a64(server .. "\0" .. key)) wins. Lua's integers wrap at 2^64 as C's do.
local function fnv1a64(s)
    local h = 0xcbf29ce484222325
    for i = 1, #s do
        h = (h ~ s:byte(i)) * 0x100000001b3
    end
    return h
end

local function mix64(h)
    h = (h ~ (h >> 33)) * 0xff51afd7ed558ccd
    h = (h ~ (h >> 33)) * 0xc4ceb9fe1a85ec53
    return h ~ (h >> 33)
end

local names = {} -- backend → its servers' names in order; they cannot change while HAProxy runs

local function servers_of(backend)
    local list = names[backend]
    if list then
        return list
    end
    list = {}
    for name in pairs(core.backends[backend] and core.backends[backend].servers or {}) do
        list[#list + 1] = name
    end
    table.sort(list)
    names[backend] = list
    return list
end

-- tcp-request content lua.usher_rank BACKEND if !{ var(txn.usher.action) -m found }
-- Sets txn.usher.srv1..3 as usher would. No server's state is read: `use-server` skips those that
-- are down, one after the other.
core.register_action("usher_rank", { "tcp-req" }, function(txn, backend)
    local id = txn:get_var("txn.mqtt_client_id")
    if not id or id == "" then
        return
    end
    local ranked = {}
    for _, name in ipairs(servers_of(backend)) do
        ranked[#ranked + 1] = { mix64(fnv1a64(name .. "\0" .. id)), name }
    end
    table.sort(ranked, function(a, b) return math.ult(b[1], a[1]) end)
    for i = 1, math.min(3, #ranked) do
        txn:set_var("txn.usher.srv" .. i, ranked[i][2])
    end
end, 1)
