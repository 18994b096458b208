// The whole deployment: one resource group with the app, what it needs, and what watches it; one role at each Sentinel
// workspace. `azd up` deploys it. Roles are made before the app, so that its first start already has them.
targetScope = 'subscription'

// ---- the shape of what is given as a list: a misspelt key is refused by the deployment, not by the next sweep

@description('A day, YYYY-MM-DD.')
@minLength(10)
@maxLength(10)
type day = string

@description('A text that is not empty.')
@minLength(1)
type text = string

@description('Recipients that are left alone until the end of a day (UTC). In pattern, * is the only wildcard.')
@sealed()
type excludedRecipient = {
  pattern: text
  until: day
  reason: text
}

// ---- where and for whom

@description('Name of the azd environment: part of the resource group\'s name, and of the seed of all others.')
@minLength(1)
@maxLength(40)
param environmentName string

@description('Region of everything that is made here. Must offer Flex Consumption with Python 3.13.')
@minLength(1)
param location string

@description('Who gets e-mail when the sweep is dead, failing or in dry-run mode, or nobody takes a High incident: addresses separated by commas, semicolons or spaces.')
param alertEmails string

@description('Read the Sentinel workspace during the deployment (its region, its id), and make the alarm about its incidents. false: whoever deploys may not read it; sentinelLocation and sentinelWorkspaceId are then given, and that alarm is not made.')
param watchSentinel bool = true

@description('Region of the Sentinel workspace; the alarm that reads its incidents is made there. Empty: read off the workspace. Required when watchSentinel is false.')
param sentinelLocation string = ''

@description('How the app gets its rights on the Sentinel workspace, and on those of workspaces.json that do not say it themselves. responder: the built-in Microsoft Sentinel Responder. custom: a role with just the actions that the code uses. none: an administrator grants it; the command is printed.')
@allowed([
  'responder'
  'custom'
  'none'
])
param sentinelAccess string = 'responder'

@description('RAISE_BY: what makes the incidents. api: the sweep itself, over the Sentinel API. rule: two analytics rules, from a table that the sweep writes to; the table, the rules and what belongs to them are made at the Sentinel workspace. docs/portals.md says which to take.')
@allowed([
  'api'
  'rule'
])
param raiseBy string = 'api'

@description('Hours without a sweep that ended clean or flagged after which the absence alarm fires: the longest gap that sweepSchedule leaves, plus two; 2 to 47, for Azure Monitor looks back 48 hours at most. 0: no such alarm, for a schedule with longer gaps; needs allowNoAlarm.')
@minValue(0)
@maxValue(47)
param absenceHours int = 26

@description('Deploy without the absence alarm when absenceHours is 0.')
param allowNoAlarm bool = false

@description('The vault has the webhook already: teamsWebhookUrl may then be left out. The deployment sets it for the next one.')
param webhookInVault bool = false

@description('Memory of the app\'s instance in MB. More where very many recipients are over the threshold: the hunt\'s answer is held in memory.')
@allowed([
  512
  2048
  4096
])
param instanceMemoryMB int = 2048

// ---- a private network, where public network access is denied; without endpointSubnetId nothing of it is made

@description('Subnet that the app sends its traffic through, /27 or larger, delegated to Microsoft.App/environments. Given together with endpointSubnetId.')
param appSubnetId string = ''

@description('Subnet for the private endpoints of storage and vault, whose public network access is then off. Empty: no endpoints, the network stays public.')
param endpointSubnetId string = ''

@description('Who makes the DNS records of the endpoints. own: zones are made here and linked to virtualNetworkId. policy: somebody else, such as a policy, makes them. existing: they are made in dnsZoneIds.')
@allowed([
  'own'
  'policy'
  'existing'
])
param privateDns string = 'own'

@description('The network that the zones are linked to, when privateDns is own.')
param virtualNetworkId string = ''

@description('Ids of the private DNS zones for blob, table and vault, in this order, when privateDns is existing; with many workspaces the one for queue comes last.')
param dnsZoneIds string[] = []

// ---- many workspaces: the entries of workspaces.json beside host.json (docs/many.md); without entries nothing of it is made

@description('Webhooks of the entries: the name of the app setting that an entry refers to as %NAME%, and the URL. One that is empty or left out stays in the vault as it is.')
@secure()
param teamsWebhooks object = {}

@description('ROUND_WEBHOOK_URL: where the card about a whole round goes. Written to the vault when given; may be left out when roundWebhookInVault is true.')
@secure()
param roundWebhookUrl string = ''

@description('The vault has the webhook for rounds, or gets it now. The checks before a deployment set it.')
param roundWebhookInVault bool = false

@description('ROUND_DEADLINE_MINUTES: workspaces that have not ended so long after a round began are told as missing. Less than the shortest time between two sweeps.')
@minValue(30)
@maxValue(1200)
param roundDeadlineMinutes int = 120

// ---- the app settings, one parameter each; their meaning in full is in README.md

@description('SWEEP_SCHEDULE: when to sweep, a six-field NCRONTAB expression in UTC. Change absenceHours with it.')
@minLength(11)
param sweepSchedule string = '0 0 6 * * *'

@description('SENTINEL_WORKSPACE_ID: the workspace (customer) id, a GUID, for queries. Empty: read off the workspace. Required when watchSentinel is false.')
param sentinelWorkspaceId string = ''

@description('SENTINEL_WORKSPACE_RESOURCE_ID: the workspace\'s ARM id, /subscriptions/<id>/resourceGroups/<name>/providers/Microsoft.OperationalInsights/workspaces/<name>, for incidents. May be empty when workspaces.json has entries.')
param sentinelWorkspaceResourceId string = ''

@description('TEAMS_WEBHOOK_URL: the Teams Workflows webhook. Written to the vault when given; may be left out when webhookInVault is true: the secret that is there stays as it is.')
@secure()
param teamsWebhookUrl string = ''

@description('SUM_CASE_THRESHOLD: a recipient is flagged when more of their messages than this were remediated.')
@minValue(0)
@maxValue(1000000000)
param sumCaseThreshold int = 10

@description('HIGH_SEVERITY_THRESHOLD: severity is High above this, else Medium. Not below sumCaseThreshold; 5 times it unless given.')
@minValue(0)
@maxValue(1000000000)
param highSeverityThreshold int = 5 * sumCaseThreshold

@description('LOOKBACK_DAYS: how far back the hunt looks. 30 at most when huntSource is defender.')
@minValue(1)
@maxValue(90)
param lookbackDays int = 30

@description('DEDUPLICATE: count each message once per recipient, by its newest state. false counts every row, as the published query does.')
param deduplicate bool = true

@description('MAX_DATA_AGE_HOURS: when the newest row is older than this, the verdict is untrusted.')
@minValue(1)
@maxValue(876000)
param maxDataAgeHours int = 24

@description('MAX_NEW_INCIDENTS: more new incidents than this in one sweep are held for the following ones.')
@minValue(1)
@maxValue(1000000000)
param maxNewIncidents int = 100

@description('EXCLUDED_RECIPIENTS: recipients left alone until a date: objects with pattern, until (YYYY-MM-DD) and reason, all three required.')
param excludedRecipients excludedRecipient[] = []

@description('BENIGN_REOPEN_FACTOR: after a benign or false-positive closing, this many thresholds of new messages are needed.')
@minValue(1)
@maxValue(1000000000)
param benignReopenFactor int = 2

@description('REMIND_AFTER_DAYS: remind about a New, unowned incident of ours at this age and every so many days. 0 = never.')
@minValue(0)
@maxValue(36500)
param remindAfterDays int = 3

@description('HEARTBEAT_DAYS: post a card saying how things stand when Teams has accepted none for so long. 0 = never.')
@minValue(0)
@maxValue(36500)
param heartbeatDays int = 7

@description('CARD_SUBJECTS: show mail subjects on cards.')
param cardSubjects bool = false

@description('RUNBOOK_URL: where your copy of docs/operate.md is, https. Cards lead to its sections. Empty: they name the page.')
param runbookUrl string = ''

@description('TEAMS_MENTIONS: user principal names to mention on new and escalated findings.')
param teamsMentions text[] = []

@description('TEAMS_WEBHOOK_EXTRA_HOSTS: host[:port] that the webhook may have beside Microsoft\'s own, such as a proxy\'s.')
param teamsWebhookExtraHosts text[] = []

@description('LEDGER_URL: where the ledger is kept. Empty: in the storage account made here, table sweepledger.')
param ledgerUrl string = ''

@description('LEASE_SECONDS: how long a sweep that was killed keeps the next one waiting.')
@minValue(5)
@maxValue(600)
param leaseSeconds int = 60

@description('SWEEP_BUDGET_SECONDS: no new effect is begun after this; the rest stays due for the next sweep.')
@minValue(30)
@maxValue(21600)
param sweepBudgetSeconds int = 1500

@description('HUNT_SOURCE: sentinel (Log Analytics) or defender (Graph advanced hunting; needs ThreatHunting.Read.All, see docs/permissions.md).')
@allowed([
  'sentinel'
  'defender'
])
param huntSource string = 'sentinel'

@description('DRY_RUN: plan and log, write nothing. An alert fires while dry runs are all there is.')
param dryRun bool = false

@description('AZURE_CLOUD: which Microsoft cloud this is.')
@allowed([
  'AzureCloud'
  'AzureUSGovernment'
  'AzureChinaCloud'
])
param azureCloud string = 'AzureCloud'

@description('LOG_ANALYTICS_ENDPOINT: another address for queries, such as a private link\'s. Empty: the cloud\'s.')
param logAnalyticsEndpoint string = ''

@description('ARM_ENDPOINT: another address for incidents. Empty: the cloud\'s.')
param armEndpoint string = ''

@description('GRAPH_ENDPOINT: another address for advanced hunting. Empty: the cloud\'s.')
param graphEndpoint string = ''

// ---- what is wrong with them, each mistake in a sentence: the deployment stops before it makes anything

var workspaceId = trim(sentinelWorkspaceResourceId)
var isPrivate = !empty(endpointSubnetId)
var addresses = union(filter(split(replace(replace(alertEmails, ';', ','), ' ', ','), ','), address => !empty(address)), [])
var noAddresses = filter(addresses, address => !contains(address, '@'))

// any(): without it a property that no entry has today would be an error of the compiler.
var entries = any(loadJsonContent('../workspaces.json')).workspaces
var isMany = !empty(entries)
// Every entry with what the deployment needs of it. Ids in lower case: names of role assignments are derived from them.
var swept = map(entries, entry => {
  name: entry.?name ?? ''
  id: toLower(trim(entry.?SENTINEL_WORKSPACE_RESOURCE_ID ?? ''))
  customerId: trim(entry.?SENTINEL_WORKSPACE_ID ?? '')
  access: entry.?SENTINEL_ACCESS ?? sentinelAccess
  webhook: trim(entry.?TEAMS_WEBHOOK_URL ?? '')
})
// The workspace of the app settings; an entry may name it, too. It keeps what a deployment for it alone has made.
var hasOwn = !isMany || !empty(workspaceId)
var ownEntries = filter(swept, entry => entry.id == toLower(workspaceId))
var ownAccess = empty(ownEntries) ? sentinelAccess : ownEntries[0].access
var notWorkspaces = filter(swept, entry => length(split(entry.id, '/')) != 9 || !contains(entry.id, '/providers/microsoft.operationalinsights/workspaces/') || endsWith(entry.id, '/'))
var others = filter(swept, entry => entry.id != toLower(workspaceId))
// Nothing is made in the groups of other tenants.
var granted = filter(others, entry => entry.access != 'none')
// One query reads them all, and the query of an alarm may not grow without end.
var watched = watchSentinel ? take(filter(granted, entry => length(entry.customerId) == 36), 50) : []
// Entries may share a webhook: union() drops doubles. Two settings have a secret of their own in any case.
var referred = union(map(filter(swept, entry => startsWith(entry.webhook, '%')), entry => replace(entry.webhook, '%', '')), [])
var webhookSettings = filter(referred, setting => !empty(setting) && setting != 'TEAMS_WEBHOOK_URL' && setting != 'ROUND_WEBHOOK_URL')
// What the workbook lets its readers pick.
var pickable = concat(map(swept, entry => {
  name: entry.name
  id: entry.id
}), hasOwn && empty(ownEntries) ? [
  {
    name: 'own'
    id: workspaceId
  }
] : [])
var needsWebhook = hasOwn || contains(referred, 'TEAMS_WEBHOOK_URL')
// A setting's secret has its name in lower case, with hyphens, as modules/webhooks.bicep makes it. Two settings that
// differ in nothing else cannot be: the checks before a deployment want capital letters.
var vaultName = 'kv-sweep-${token}'
var secretsUri = 'https://${vaultName}${environment().suffixes.keyvaultDns}/secrets/'
var webhookReferences = toObject(webhookSettings, setting => setting, setting => '@Microsoft.KeyVault(SecretUri=${secretsUri}${toLower(replace(setting, '_', '-'))})')
var hasRoundWebhook = isMany && (roundWebhookInVault || !empty(roundWebhookUrl))
var zonesNeeded = isMany ? 4 : 3
var zonesInWords = isMany ? 'four zones, for blob, table, vault and queue' : 'three zones, for blob, table and vault'

// The slashes at the end give even a broken id nine parts, so that none of these is out of range.
var idParts = split('${workspaceId}////////', '/')
var idKind = toLower('${idParts[1]}/${idParts[3]}/${idParts[5]}/${idParts[6]}/${idParts[7]}')
var idIsWorkspace = idKind == 'subscriptions/resourcegroups/providers/microsoft.operationalinsights/workspaces'
var idIsWhole = length(idParts[2]) == 36 && !empty(idParts[4]) && !empty(idParts[8])
var idRest = !idIsWorkspace ? 'is not the id of a Log Analytics workspace' : !idIsWhole ? 'lacks the subscription\'s id or a name' : length(split(workspaceId, '/')) != 9 ? 'goes on after the workspace\'s name' : ''
var idMistake = !startsWith(workspaceId, '/') ? 'has no leading slash' : endsWith(workspaceId, '/') ? 'ends in a slash' : idRest

var mistakes = filter([
  empty(idMistake) || !hasOwn ? '' : 'sentinelWorkspaceResourceId ${idMistake}: expected /subscriptions/<id>/resourceGroups/<name>/providers/Microsoft.OperationalInsights/workspaces/<name>.'
  empty(sentinelWorkspaceId) || length(sentinelWorkspaceId) == 36 ? '' : 'sentinelWorkspaceId is not a GUID: expected the workspace (customer) id, or nothing.'
  !hasOwn && !empty(sentinelWorkspaceId) ? 'sentinelWorkspaceId is given without sentinelWorkspaceResourceId: expected both, or none where workspaces.json names every workspace.' : ''
  empty(notWorkspaces) ? '' : 'workspaces.json: SENTINEL_WORKSPACE_RESOURCE_ID of ${join(map(notWorkspaces, entry => entry.name), ', ')} is not the id of a Log Analytics workspace: expected /subscriptions/<id>/resourceGroups/<name>/providers/Microsoft.OperationalInsights/workspaces/<name>.'
  length(granted) > 750 ? 'workspaces.json has more than 750 entries that the deployment grants rights for, which one deployment cannot make: expected SENTINEL_ACCESS none, and grants by hand, for the others.' : ''
  isMany && huntSource != 'sentinel' ? 'huntSource is defender and workspaces.json has entries: that source would answer with the mail of the app\'s own tenant; expected sentinel.' : ''
  !hasOwn && raiseBy == 'rule' ? 'raiseBy is rule without sentinelWorkspaceResourceId: the table and the rules are made at that workspace; expected api.' : ''
  hasOwn && !watchSentinel && empty(sentinelLocation) ? 'watchSentinel is false: sentinelLocation must say in which region the workspace is.' : ''
  hasOwn && !watchSentinel && empty(sentinelWorkspaceId) ? 'watchSentinel is false: sentinelWorkspaceId must be the workspace (customer) id.' : ''
  raiseBy == 'rule' && ownAccess == 'none' ? 'raiseBy is rule and sentinelAccess is none: the table and the rules are made at the workspace, and the app gets a role there; expected sentinelAccess responder or custom, deployed by somebody who may do that (docs/permissions.md, Who deploys).' : ''
  empty(addresses) ? 'alertEmails names nobody: expected addresses separated by commas.' : ''
  empty(noAddresses) ? '' : 'alertEmails has what is no address (${join(noAddresses, ', ')}): expected addresses such as soc@contoso.com, separated by commas.'
  needsWebhook && empty(teamsWebhookUrl) && !webhookInVault ? 'teamsWebhookUrl is missing, and the vault has none yet: expected the URL of a Teams Workflows webhook, or webhookInVault true when the vault of this environment has it.' : ''
  absenceHours == 0 && !allowNoAlarm ? 'absenceHours is 0, so nothing would tell that sweeps have stopped: expected 2 to 47 (a schedule that leaves no gap over 45 hours), or allowNoAlarm true.' : ''
  absenceHours == 1 ? 'absenceHours is 1, which leaves a late sweep no time: expected 2 to 47.' : ''
  highSeverityThreshold < sumCaseThreshold ? 'highSeverityThreshold is below sumCaseThreshold: expected at least ${sumCaseThreshold}.' : ''
  huntSource == 'defender' && lookbackDays > 30 ? 'lookbackDays is over 30: with huntSource defender, which keeps no more, expected 1 to 30.' : ''
  isPrivate && empty(appSubnetId) ? 'endpointSubnetId is given without appSubnetId: the app could not reach its storage; expected both subnets or none.' : ''
  !isPrivate && !empty(appSubnetId) ? 'appSubnetId is given without endpointSubnetId: expected both subnets or none.' : ''
  isPrivate && toLower(appSubnetId) == toLower(endpointSubnetId) ? 'appSubnetId and endpointSubnetId are the same: a delegated subnet takes no private endpoint; expected two subnets.' : ''
  empty(appSubnetId) || contains(toLower(appSubnetId), '/subnets/') ? '' : 'appSubnetId is not the id of a subnet: expected /subscriptions/…/virtualNetworks/<name>/subnets/<name>.'
  empty(endpointSubnetId) || contains(toLower(endpointSubnetId), '/subnets/') ? '' : 'endpointSubnetId is not the id of a subnet: expected /subscriptions/…/virtualNetworks/<name>/subnets/<name>.'
  isPrivate && privateDns == 'own' && empty(virtualNetworkId) ? 'privateDns is own: virtualNetworkId must say which network the zones are linked to.' : ''
  isPrivate && privateDns == 'own' && contains(toLower(virtualNetworkId), '/subnets/') ? 'virtualNetworkId is the id of a subnet: expected the network\'s, /subscriptions/…/virtualNetworks/<name>.' : ''
  isPrivate && privateDns == 'existing' && length(dnsZoneIds) != zonesNeeded ? 'privateDns is existing: dnsZoneIds must name ${zonesInWords}.' : ''
  privateDns != 'existing' && !empty(dnsZoneIds) ? 'dnsZoneIds is given, but privateDns is ${privateDns}: expected privateDns existing, or no zones.' : ''
  !isPrivate && (privateDns != 'own' || !empty(virtualNetworkId)) ? 'privateDns or virtualNetworkId is given without endpointSubnetId: expected both subnets, too.' : ''
], mistake => !empty(mistake))

// Whatever is read first: the group's name, or where the workspace is.
var checkedName = empty(mistakes) ? environmentName : fail(join(mistakes, ' '))
var workspaceParts = empty(mistakes) ? idParts : fail(join(mistakes, ' '))

// ---- what follows from them

var token = toLower(uniqueString(subscription().id, environmentName, location))
var tags = {
  'azd-env-name': environmentName
}
// Without a workspace of the app's own nothing is made at these; they must be somewhere all the same.
var workspaceSubscription = hasOwn ? workspaceParts[2] : subscription().subscriptionId
var workspaceGroup = hasOwn ? workspaceParts[4] : 'rg-${checkedName}'
var workspaceName = hasOwn ? workspaceParts[8] : 'none'
var watchOwn = watchSentinel && hasOwn
var publicNetworkAccess = isPrivate ? 'Disabled' : 'Enabled'
var ownGranted = hasOwn && ownAccess != 'none'
var byRule = raiseBy == 'rule'
var sentinelRegion = (watchOwn && empty(sentinelLocation)) ? sentinelWorkspace!.outputs.location : sentinelLocation
var responderRole = '3e150937-b8fe-4cfb-8069-0eaf05ecd056'
var vaultReference = '@Microsoft.KeyVault(SecretUri=${vault.outputs.webhookSecretUri})'
// The same for the deployment and for an administrator: a grant made by hand is then this deployment's own.
var responderGrant = guid(toLower(workspaceId), identity.outputs.principalId, responderRole)
var notWatched = filter([
  absenceHours == 0 ? 'No e-mail comes when sweeps stop: ABSENCE_HOURS is 0.' : ''
  watchSentinel ? '' : 'No e-mail comes when nobody takes a High incident: WATCH_SENTINEL is false.'
  watchSentinel && length(watched) < length(others) ? 'No e-mail comes when nobody takes a High incident in a workspace whose SENTINEL_ACCESS is none, or beyond the first 50.' : ''
], sentence => !empty(sentence))

resource group 'Microsoft.Resources/resourceGroups@2024-03-01' = {
  name: 'rg-${checkedName}'
  location: location
  tags: tags
}

module sentinelWorkspace 'modules/sentinel-workspace.bicep' = if (watchOwn) {
  name: 'sentinel-workspace'
  scope: group
  params: {
    subscriptionId: workspaceSubscription
    resourceGroupName: workspaceGroup
    workspaceName: workspaceName
  }
}

module identity 'modules/identity.bicep' = {
  name: 'identity'
  scope: group
  params: {
    name: 'id-sweep-${token}'
    location: location
    tags: tags
  }
}

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring'
  scope: group
  params: {
    workspaceName: 'log-sweep-${token}'
    componentName: 'appi-sweep-${token}'
    location: location
    tags: tags
    principalId: identity.outputs.principalId
  }
}

module storage 'modules/storage.bicep' = {
  name: 'storage'
  scope: group
  params: {
    name: 'stsweep${token}'
    location: location
    tags: tags
    principalId: identity.outputs.principalId
    logWorkspaceId: monitoring.outputs.workspaceId
    publicNetworkAccess: publicNetworkAccess
  }
}

module vault 'modules/vault.bicep' = {
  name: 'vault'
  scope: group
  params: {
    name: vaultName
    location: location
    tags: tags
    principalId: identity.outputs.principalId
    webhookUrl: teamsWebhookUrl
    logWorkspaceId: monitoring.outputs.workspaceId
    publicNetworkAccess: publicNetworkAccess
  }
}

module queue 'modules/queue.bicep' = if (isMany) {
  name: 'queue'
  scope: group
  params: {
    accountName: storage.outputs.name
    principalId: identity.outputs.principalId
    logWorkspaceId: monitoring.outputs.workspaceId
  }
}

module webhooks 'modules/webhooks.bicep' = if (isMany) {
  name: 'webhooks'
  scope: group
  params: {
    vaultName: vault.outputs.name
    tags: tags
    roundWebhookUrl: roundWebhookUrl
    webhooks: teamsWebhooks
    settings: webhookSettings
  }
}

module privateNetwork 'modules/private-network.bicep' = if (isPrivate) {
  name: 'private-network'
  scope: group
  params: {
    location: location
    tags: tags
    endpointSubnetId: endpointSubnetId
    privateDns: privateDns
    virtualNetworkId: virtualNetworkId
    dnsZoneIds: dnsZoneIds
    withQueue: isMany
    storageId: storage.outputs.id
    vaultId: vault.outputs.id
  }
}

module sentinelRights 'modules/sentinel-access.bicep' = if (ownGranted) {
  name: 'sentinel-access-${token}'
  scope: resourceGroup(workspaceSubscription, workspaceGroup)
  params: {
    workspaceName: workspaceName
    principalId: identity.outputs.principalId
    access: ownAccess == 'custom' ? 'custom' : 'responder'
    responderAssignmentName: responderGrant
  }
}

module entryRights 'modules/sentinel-access.bicep' = [for entry in granted: {
  name: 'sweep-${token}-${entry.name}'
  scope: resourceGroup(split(entry.id, '/')[2], split(entry.id, '/')[4])
  params: {
    workspaceName: last(split(entry.id, '/'))
    principalId: identity.outputs.principalId
    access: entry.access == 'custom' ? 'custom' : 'responder'
    responderAssignmentName: guid(entry.id, identity.outputs.principalId, responderRole)
    nameSeed: entry.id
  }
}]

module findings 'modules/findings.bicep' = if (byRule) {
  name: 'findings-${token}'
  scope: resourceGroup(workspaceSubscription, workspaceGroup)
  params: {
    workspaceName: workspaceName
    location: sentinelRegion
    tags: tags
    collectionName: 'dcr-sweep-${token}'
    principalId: identity.outputs.principalId
  }
}

module app 'modules/function-app.bicep' = {
  name: 'function-app'
  scope: group
  params: {
    name: 'func-sweep-${token}'
    planName: 'plan-sweep-${token}'
    location: location
    tags: union(tags, {
      'azd-service-name': 'sweep'
    })
    identityId: identity.outputs.id
    identityClientId: identity.outputs.clientId
    blobEndpoint: storage.outputs.blobEndpoint
    tableEndpoint: storage.outputs.tableEndpoint
    queueEndpoint: isMany ? queue!.outputs.endpoint : ''
    packageContainerUrl: storage.outputs.packageContainerUrl
    connectionString: monitoring.outputs.connectionString
    logWorkspaceId: monitoring.outputs.workspaceId
    instanceMemoryMB: instanceMemoryMB
    subnetId: appSubnetId
    settings: union({
      SWEEP_SCHEDULE: sweepSchedule
      SENTINEL_WORKSPACE_ID: (watchOwn && empty(sentinelWorkspaceId)) ? sentinelWorkspace!.outputs.customerId : sentinelWorkspaceId
      SENTINEL_WORKSPACE_RESOURCE_ID: workspaceId
      TEAMS_WEBHOOK_URL: needsWebhook ? vaultReference : ''
      SUM_CASE_THRESHOLD: string(sumCaseThreshold)
      HIGH_SEVERITY_THRESHOLD: string(highSeverityThreshold)
      LOOKBACK_DAYS: string(lookbackDays)
      DEDUPLICATE: toLower(string(deduplicate))
      MAX_DATA_AGE_HOURS: string(maxDataAgeHours)
      MAX_NEW_INCIDENTS: string(maxNewIncidents)
      EXCLUDED_RECIPIENTS: string(excludedRecipients)
      BENIGN_REOPEN_FACTOR: string(benignReopenFactor)
      REMIND_AFTER_DAYS: string(remindAfterDays)
      HEARTBEAT_DAYS: string(heartbeatDays)
      CARD_SUBJECTS: toLower(string(cardSubjects))
      RUNBOOK_URL: runbookUrl
      TEAMS_MENTIONS: string(teamsMentions)
      TEAMS_WEBHOOK_EXTRA_HOSTS: string(teamsWebhookExtraHosts)
      LEDGER_URL: empty(ledgerUrl) ? storage.outputs.tableEndpoint : ledgerUrl
      LEASE_SECONDS: string(leaseSeconds)
      SWEEP_BUDGET_SECONDS: string(sweepBudgetSeconds)
      HUNT_SOURCE: huntSource
      DRY_RUN: toLower(string(dryRun))
      AZURE_CLOUD: azureCloud
      LOG_ANALYTICS_ENDPOINT: logAnalyticsEndpoint
      ARM_ENDPOINT: armEndpoint
      GRAPH_ENDPOINT: graphEndpoint
      AZURE_CLIENT_ID: identity.outputs.clientId
      RAISE_BY: raiseBy
      FINDINGS_ENDPOINT: byRule ? findings!.outputs.endpoint : ''
      FINDINGS_RULE_ID: byRule ? findings!.outputs.immutableId : ''
      FINDINGS_STREAM: byRule ? findings!.outputs.stream : ''
    }, isMany ? union({
      ROUND_WEBHOOK_URL: hasRoundWebhook ? '@Microsoft.KeyVault(SecretUri=${secretsUri}round-webhook-url)' : ''
      ROUND_DEADLINE_MINUTES: string(roundDeadlineMinutes)
    }, webhookReferences) : {})
  }
  // Its first start needs its rights on the workspace, and fetches its package through the endpoints.
  dependsOn: [
    privateNetwork
    sentinelRights
    entryRights
    webhooks
  ]
}

module alarms 'modules/alarms.bicep' = {
  name: 'alarms'
  scope: group
  params: {
    location: location
    sentinelLocation: sentinelRegion
    tags: tags
    emails: addresses
    absenceHours: absenceHours
    watchSentinel: watchOwn
    isMany: isMany
    deadlineMinutes: roundDeadlineMinutes
    watched: map(watched, entry => {
      name: entry.name
      customerId: entry.customerId
    })
    logWorkspaceId: monitoring.outputs.workspaceId
    sentinelWorkspaceResourceId: workspaceId
  }
  // Their queries are checked against a workspace that was made a moment ago: its tables may take a minute to be known.
  dependsOn: [
    app
  ]
}

module workbook 'modules/workbook.bicep' = {
  name: 'workbook'
  scope: group
  params: {
    location: location
    tags: tags
    logWorkspaceId: monitoring.outputs.workspaceId
    sentinelWorkspaceResourceId: workspaceId
    home: watchOwn ? workspaceId : monitoring.outputs.workspaceId
    workspaces: isMany ? pickable : []
  }
}

output AZURE_RESOURCE_GROUP string = group.name
output SWEEP_FUNCTION_APP_NAME string = app.outputs.name
output SWEEP_IDENTITY_PRINCIPAL_ID string = identity.outputs.principalId
output SWEEP_KEY_VAULT_NAME string = vault.outputs.name
output SWEEP_LEDGER_URL string = storage.outputs.tableEndpoint
output SWEEP_LOG_WORKSPACE_ID string = monitoring.outputs.workspaceId

@description('The vault has the webhook now, where one is needed, else the deployment had stopped: azd hands this to the next one, which then needs no URL.')
output WEBHOOK_IN_VAULT bool = needsWebhook

@description('What no e-mail will tell, in sentences; empty when everything is watched.')
output NOT_WATCHED string = join(notWatched, ' ')

@description('The command that grants what this deployment did not; empty when it granted all. Run again, or before a later deployment that grants, it makes no second assignment.')
output SENTINEL_ACCESS_COMMAND string = ownGranted || !hasOwn ? '' : 'az role assignment create --name ${responderGrant} --assignee-object-id ${identity.outputs.principalId} --assignee-principal-type ServicePrincipal --role ${responderRole} --scope ${workspaceId}'
