"""Instants are integers, milliseconds since 1970 UTC. Zones and business time."""
from datetime import datetime, timedelta, timezone, date
from zoneinfo import ZoneInfo
import calendar as _c

UTC = timezone.utc
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HOUR = 3600_000
DAY = 24 * HOUR

def ms(dt):
    d = dt.astimezone(UTC) - EPOCH
    return (d.days * 86400 + d.seconds) * 1000 + d.microseconds // 1000

def parse(s):
    return ms(datetime.fromisoformat(s.replace('Z', '+00:00')))

def iso(t):
    d = EPOCH + timedelta(milliseconds=t)
    return d.strftime('%Y-%m-%dT%H:%M:%S.') + '%03dZ' % (d.microsecond // 1000)

def local(t, zone):
    """naive local datetime"""
    return (EPOCH + timedelta(milliseconds=t)).astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0)

def local_date(t, zone):
    return local(t, zone).date()

def at_local(naive, zone):
    """N4: a gap moves forward by the gap, a repeated time is its first occurrence: fold=0 does both."""
    return ms(naive.replace(tzinfo=ZoneInfo(zone), fold=0))

def at(d, hour, zone):
    return at_local(datetime(d.year, d.month, d.day, hour), zone)

def add_days(t, n, zone):
    return at_local(local(t, zone) + timedelta(days=n), zone)

def end_of_day(d, zone):
    return at(d + timedelta(days=1), 0, zone)

def shift(d, unit, n):
    if unit == 'D':
        return d + timedelta(days=n)
    y, m = divmod(d.year * 12 + d.month - 1 + n, 12)
    m += 1
    return date(y, m, min(d.day, _c.monthrange(y, m)[1]))

def anniversary(birth, year):
    if (birth.month, birth.day) == (2, 29) and not _c.isleap(year):
        return date(year, 2, 28)
    return date(year, birth.month, birth.day)

def _span(a, b):
    a, b = date.fromisoformat(a), date.fromisoformat(b)
    return {a + timedelta(days=i) for i in range((b - a).days + 1)}

CLOSED = (_span('2026-01-01', '2026-01-03') | _span('2026-02-15', '2026-02-23') | _span('2026-04-04', '2026-04-06')
          | _span('2026-05-01', '2026-05-05') | _span('2026-06-19', '2026-06-21') | _span('2026-09-25', '2026-09-27')
          | _span('2026-10-01', '2026-10-07'))
WORKED = {date.fromisoformat(x) for x in ('2026-01-04', '2026-02-14', '2026-02-28', '2026-05-09', '2026-09-20', '2026-10-10')}

def is_business(d):
    return d in WORKED or (d.weekday() < 5 and d not in CLOSED)

def business_days(t, n):
    """Q41: same clock time on the n-th following business day, clamped into 09:00-18:00 Asia/Shanghai."""
    z = 'Asia/Shanghai'
    l = local(t, z)
    d = l.date()
    while n:
        d += timedelta(days=1)
        n -= is_business(d)
    lo, hi = at(d, 9, z), at(d, 18, z)
    return max(lo, min(hi, at_local(datetime.combine(d, l.time()), z)))

FESTIVALS = {
    'spring_festival': ['2026-02-17', '2027-02-06', '2028-01-26'], 'dragon_boat': ['2026-06-19', '2027-06-09', '2028-05-28'],
    'mid_autumn': ['2026-09-25', '2027-09-15', '2028-10-03'], 'national_day': ['2026-10-01', '2027-10-01', '2028-10-01']}
