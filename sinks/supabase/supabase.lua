-- `sangre supabase`: serves as the container of Supabase Realtime of 2022 did, by the same environment variables.

local function is_set(name)
  return sangre.env(name, "") ~= ""
end

-- A secret may stand in a file that NAME_FILE names.
local function secret(name, default)
  if is_set(name .. "_FILE") then
    return sangre.file(sangre.env(name .. "_FILE"))
  end
  return sangre.env(name, default)
end

-- As ever: everything but "false" is true.
local function flag(name)
  return sangre.env(name, "true") ~= "false"
end

local function whole(name, default)
  local number = math.tointeger(tonumber(sangre.env(name, default)))
  if not number or number < 0 then
    error(name .. " is no whole number")
  end
  return number
end

-- One value of libpq's key=value pairs.
local function quoted(text)
  return "'" .. string.gsub(text, "[\\']", "\\%0") .. "'"
end

-- PUBLICATIONS is a JSON list of names.
local function publications()
  local names = {}
  local text = sangre.env("PUBLICATIONS", '["supabase_realtime"]')
  for name in string.gmatch(text, '"([^"]+)"') do
    names[#names + 1] = name
  end
  if not string.find(text, "^%s*%[.*%]%s*$") or #names == 0 then
    error('PUBLICATIONS is no list of names, such as ["supabase_realtime"]')
  end
  return names
end

-- WEBHOOK_HEADERS is NAME=VALUE:NAME=VALUE; its values are secrets.
local function webhook_headers()
  local headers = {}
  local text = sangre.env("WEBHOOK_HEADERS", "")
  for part in string.gmatch(text .. ":", "([^:]*):") do
    local name, value = string.match(part, "^([^=]+)=(.+)$")
    if not name then
      error("WEBHOOK_HEADERS is no list of headers, such as authorization=secret:x-from=realtime")
    end
    headers[name] = value
  end
  return headers
end

local version = string.lower(sangre.env("DB_IP_VERSION", "ipv4"))
if version ~= "ipv4" and version ~= "ipv6" then
  error("DB_IP_VERSION is neither IPv4 nor IPv6")
end
if string.upper(sangre.env("REPLICATION_MODE", "STREAM")) ~= "STREAM" then
  error("REPLICATION_MODE " .. sangre.env("REPLICATION_MODE") .. " is not supported: only STREAM is")
end
local secure = flag("SECURE_CHANNELS")
local jwt_secret = secret("JWT_SECRET", "")
if secure and jwt_secret == "" then
  error("JWT_SECRET is not set: set it (or JWT_SECRET_FILE), or SECURE_CHANNELS=false to let everybody in")
end

sangre.server { listen = ":" .. whole("PORT", "4000"), origins = { "*" }, compression = "off" }

local lag = whole("MAX_REPLICATION_LAG_MB", "0")
local temporary = not is_set("SLOT_NAME") or sangre.env("TEMPORARY_SLOT", "false") == "true"
sangre.source {
  name = "db",
  plugin = "postgres",
  conninfo = "host=" .. quoted(sangre.env("DB_HOST", "localhost"))
    .. " port=" .. whole("DB_PORT", "5432")
    .. " dbname=" .. quoted(sangre.env("DB_NAME", "postgres"))
    .. " user=" .. quoted(sangre.env("DB_USER", "postgres"))
    .. " password=" .. quoted(secret("DB_PASSWORD", "postgres"))
    .. " sslmode=" .. (flag("DB_SSL") and "require" or "disable"),
  publication = publications(),
  slot = not temporary and sangre.env("SLOT_NAME") or nil,
  slot_lag_limit = not temporary and lag .. "MB" or nil,
}

sangre.sink {
  name = "realtime",
  plugin = "supabase",
  source = "db",
  strict = true,
  secure = secure,
  metrics = sangre.env("EXPOSE_METRICS", "false") ~= "false",
  secret = secure and jwt_secret or nil,
  claims = secure and is_set("JWT_CLAIM_VALIDATORS") and sangre.env("JWT_CLAIM_VALIDATORS") or nil,
  webhook_headers = is_set("WEBHOOK_HEADERS") and webhook_headers() or nil,
  webhook_lag = not temporary and lag * 512 .. "KB" or nil, -- half of it, rather than lose the slot
  configuration_file = is_set("CONFIGURATION_FILE") and sangre.env("CONFIGURATION_FILE") or nil,
}
